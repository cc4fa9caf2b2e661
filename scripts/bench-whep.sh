#!/bin/sh
# Measures WebRTC viewers of one stream, and the floor of the machine in the same run:
# bench-whep.sh [NAME…], all of BenchmarkViewers or the names that fit. The raw lines
# are in .cache/bench-whep.txt. It takes about five minutes; nothing else should run.
set -eu
cd "$(dirname "$0")/.."
mkdir -p .cache
make --no-print-directory build
names=$(IFS='|'; echo "$*")
go test -timeout 1h -run '^$' -bench "^BenchmarkViewers\$/^(${names:-.*})\$" -benchtime 1x ./test/bench | tee .cache/bench-whep.txt
echo
awk -f scripts/bench-whep.awk .cache/bench-whep.txt
