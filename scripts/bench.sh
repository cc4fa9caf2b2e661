#!/bin/sh
# Runs the benchmarks and prints them as a table: bench.sh [COUNT [PACKAGE…]].
# The raw lines, for benchstat, go to .cache/bench.txt; the run before is kept as
# .cache/bench.old.txt and compared with.
set -eu
cd "$(dirname "$0")/.."
count=${1:-3}
[ $# -gt 0 ] && shift
mkdir -p .cache
new=.cache/bench.txt old=.cache/bench.old.txt
[ -e "$new" ] && mv "$new" "$old"
[ -x .cache/benchstat ] || (cd tools && go build -o ../.cache/benchstat golang.org/x/perf/cmd/benchstat)

packages=
for pkg in $(go list "${@:-./...}"); do
	go test -list '^Benchmark' "$pkg" | grep -q '^Benchmark' && packages="$packages $pkg"
done
# One package at a time: they would share the machine.
# shellcheck disable=SC2086 # a list of packages
go test -p 1 -run '^$' -bench . -benchmem -count "$count" $packages | tee "$new"
echo
if [ -e "$old" ]; then .cache/benchstat "$old" "$new"; else .cache/benchstat "$new"; fi
