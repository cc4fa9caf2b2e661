#!/bin/sh
# Runs all that libav is used for in valgrind, once and on little: it fails at the first
# access to memory that is nobody's, or use of memory that nobody has written.
#   memcheck.sh [TESTS]    the tests of transcode/internal/av that run, as a pattern
# What valgrind does not know is Go's: an instruction that reads the time, and signals
# that interrupt goroutines to write below their stacks. Both are turned off. Go tells it
# of its stacks with the tag valgrind. Leaks are looked for by tests, as Go's heap is no
# business of valgrind's.
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh memcheck
path=$(scripts/libav.sh)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PKG_CONFIG_PATH="$path" CGO_LDFLAGS="-g -O2${path:+ -L${path%%:*}}" CGO_ENABLED=1
go test -c -tags libav,valgrind -ldflags=-w -o "$work/av.test" ./transcode/internal/av
cat >"$work/harmless" <<'EOF'
{
   Go looks for the end of a C string in steps that reach beyond it
   Memcheck:Cond
   fun:indexbytebody
   fun:runtime.gostring
}
EOF
cd transcode/internal/av
GODEBUG=cpu.rdtscp=off,asyncpreemptoff=1 valgrind --quiet --error-exitcode=9 --exit-on-first-error=yes \
	--leak-check=no --fair-sched=yes --num-callers=20 --vex-guest-max-insns=25 \
	--suppressions="$work/harmless" \
	"$work/av.test" -test.run "${1:-^TestMemory$}" -test.v -test.timeout 10m
