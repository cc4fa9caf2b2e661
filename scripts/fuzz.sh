#!/bin/sh
# Runs every fuzz target for a while: fuzz.sh [TIME [PACKAGE…]], a minute each and
# all packages by default. Ends with one line a target. What is built on libav is
# only there with GOFLAGS=-tags=libav, CGO_ENABLED=1 and scripts/libav.sh's path.
set -eu
cd "$(dirname "$0")/.."
time=${1:-60s}
[ $# -gt 0 ] && shift
report=
failed=0
for pkg in $(go list "${@:-./...}"); do
	for target in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
		echo "== $pkg $target"
		if go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -parallel 2 "$pkg"; then
			report="$report
ok    $pkg $target"
		else
			failed=1
			report="$report
FAIL  $pkg $target"
		fi
	done
done
echo "$report"
exit $failed
