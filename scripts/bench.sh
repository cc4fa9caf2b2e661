#!/bin/sh
# Runs the benchmarks, one after the other: bench.sh [COUNT [PACKAGE…]]. Prints what
# benchstat makes of them, beside the run before if there was one, and a table of the
# figures that have a target. The raw lines are in .cache/bench.txt, those of the run
# before in .cache/bench.old.txt. A run of each whole-server benchmark takes a minute.
set -eu
cd "$(dirname "$0")/.."
count=${1:-3}
[ $# -gt 0 ] && shift
mkdir -p .cache
new=.cache/bench.txt old=.cache/bench.old.txt
[ -e "$new" ] && mv "$new" "$old"
make --no-print-directory build
[ -x .cache/benchstat ] || (cd tools && go build -o ../.cache/benchstat golang.org/x/perf/cmd/benchstat)

# The packages with benchmarks, the whole servers last.
[ $# -gt 0 ] || set -- $(go list ./... | grep -v /test/bench) ./test/bench
packages=
for pkg in "$@"; do
	go test -list '^Benchmark' "$pkg" | grep -q '^Benchmark' && packages="$packages $pkg"
done
# One package at a time (-p): they would share the machine. What test/bench measures
# of players, BenchmarkClients measures within one process, for its package's authors;
# BenchmarkViewers is bench-whep.sh's.
# shellcheck disable=SC2086 # a list of packages
go test -p 1 -timeout 2h -run '^$' -bench . -skip '^Benchmark(Clients|Viewers)$' -count "$count" $packages | tee "$new"

echo
if [ -e "$old" ]; then .cache/benchstat "$old" "$new"; else .cache/benchstat "$new"; fi
echo
awk -f scripts/bench.awk "$new"
