#!/bin/sh
# Measures what a ladder and a mix cost in bin/weir-av beside the ffmpeg program, both
# built from the same libraries.
set -eu
cd "$(dirname "$0")/.."
path=$(scripts/libav.sh --with-ffmpeg)
ffmpeg=ffmpeg
[ -n "$path" ] && ffmpeg=${path%%:*}/../../bin/ffmpeg
PKG_CONFIG_PATH=$path CGO_ENABLED=1 WEIR_FFMPEG=$ffmpeg \
	go test -tags libav -count=1 -run 'Test(Ladder|Mix)Cost' -v ./cmd/weir-av
