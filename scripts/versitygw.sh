#!/bin/sh
# Prints the path of versitygw, a real S3 server over a directory, for the tests. Builds
# it where it is missing, which takes minutes the first time; the per-user cache keeps it.
set -eu
version=v1.8.0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/weir
binary=$cache/versitygw-$version
if [ ! -x "$binary" ]; then
	mkdir -p "$cache"
	echo "versitygw: building $version, this takes minutes" >&2
	build=$(mktemp -d "$cache/build.XXXXXX")
	trap 'rm -rf "$build"' EXIT
	CGO_ENABLED=0 GOFLAGS= GOBIN=$build go install "github.com/versity/versitygw/cmd/versitygw@$version" >&2
	mv "$build/versitygw" "$binary"
fi
echo "$binary"
