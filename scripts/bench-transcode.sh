#!/bin/sh
# Measures what a ladder and a mix cost in bin/weir-av beside the ffmpeg program, both
# built from the same sources with the same options; and what each step of them takes,
# which the budget of processor time assumes.
set -eu
cd "$(dirname "$0")/.."
path=$(scripts/libav.sh)
programs=$(scripts/libav.sh --with-ffmpeg)
ffmpeg=ffmpeg
# Go's cache does not know what pkg-config says: the folder among the flags makes what
# was built with other libraries not be taken for this.
[ -n "$programs" ] && ffmpeg=${programs%%:*}/../../bin/ffmpeg
export PKG_CONFIG_PATH="$path" CGO_LDFLAGS="-g -O2${path:+ -L${path%%:*}}" CGO_ENABLED=1
go test -tags libav -run '^$' -bench Cost ./transcode/internal/av
WEIR_FFMPEG=$ffmpeg go test -tags libav -count=1 -run 'Test(Ladder|Mix)Cost' -v ./cmd/weir-av
