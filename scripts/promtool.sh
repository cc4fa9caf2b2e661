#!/bin/sh
# Prints the path of promtool, which tests the alert rules: that in PATH, or the one of
# Debian's package prometheus, which is taken out of it and kept in the per-user cache.
set -eu
command -v promtool && exit 0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/weir
binary=$cache/promtool
if [ ! -x "$binary" ]; then
	mkdir -p "$cache"
	echo "promtool: taking it out of the package prometheus" >&2
	work=$(mktemp -d "$cache/promtool.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	cd "$work"
	get() { apt-get download -qq prometheus >/dev/null 2>&1; }
	get || { apt-get update -qq >&2 && get; } || { echo "promtool: the package prometheus cannot be had" >&2; exit 1; }
	dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
	mv usr/bin/promtool "$binary"
fi
echo "$binary"
