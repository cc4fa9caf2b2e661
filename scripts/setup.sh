#!/bin/sh
# Installs what is missing for a purpose, on Debian and its like:
#   setup.sh run     build the pages and the server (Node.js, npm)
#   setup.sh test    the tests too (a C compiler for the race detector, ffmpeg, Chromium,
#                    nginx with its RTMP module, an S3 server)
#   setup.sh clips   remake the test clips (ffmpeg, a font)
#   setup.sh libav   build libav for the worker (a C compiler, the codecs' libraries)
# Quick and silent if nothing is missing.
set -eu
purpose=${1:-run}

go_wanted=$(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' "$(dirname "$0")/../go.mod")

fail() { echo "setup: $*" >&2; exit 1; }

# older A B: version A comes before version B.
older() { [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

command -v go >/dev/null || fail "Go $go_wanted or newer is needed: https://go.dev/doc/install"
go_here=$(go env GOVERSION | sed 's/^go//')
older "$go_here" "$go_wanted" && fail "Go $go_wanted or newer is needed, this is $go_here: https://go.dev/doc/install"

missing=
# need COMMAND PACKAGE…: the packages are wanted if the command is not there.
need() {
	command -v "$1" >/dev/null && return
	shift
	missing="$missing $*"
}

# file NAME PACKAGE: the package is wanted if the file is not there, but done without where
# there is no such package.
file() {
	[ -e "$1" ] && return
	apt-cache show "$2" >/dev/null 2>&1 && missing="$missing $2"
	return 0
}

# library NAME PACKAGE…: the packages are wanted if pkg-config does not know NAME.
library() {
	pkg-config --exists "$1" 2>/dev/null && return
	shift
	missing="$missing $*"
}

# extra NAME PACKAGE: as library, but done without where there is no such package.
extra() {
	pkg-config --exists "$1" 2>/dev/null && return
	apt-cache show "$2" >/dev/null 2>&1 && missing="$missing $2"
	return 0
}

case $purpose in
run | test | clips)
	need node nodejs
	need npm npm
	;;
libav) ;;
*) fail "unknown purpose $purpose: run, test, clips or libav" ;;
esac
case $purpose in
test)
	need gcc gcc libc6-dev
	need ffmpeg ffmpeg
	need chromium chromium
	need nginx nginx
	file /usr/lib/nginx/modules/ngx_rtmp_module.so libnginx-mod-rtmp
	;;
clips)
	need ffmpeg ffmpeg
	[ -e /usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf ] || missing="$missing fonts-dejavu-core"
	;;
libav)
	need gcc gcc libc6-dev
	need make make
	need xz xz-utils
	need pkg-config pkg-config
	case $(uname -m) in x86_64 | i?86) need nasm nasm ;; esac
	library x264 libx264-dev
	library vpx libvpx-dev
	library opus libopus-dev
	library dav1d libdav1d-dev
	library freetype2 libfreetype-dev
	library harfbuzz libharfbuzz-dev
	library fontconfig libfontconfig-dev
	library zlib zlib1g-dev
	extra SvtAv1Enc libsvtav1enc-dev
	extra libva libva-dev
	extra ffnvcodec libffmpeg-nvenc-dev
	;;
esac

if [ -n "$missing" ]; then
	command -v apt-get >/dev/null || fail "install these and try again:$missing"
	command="apt-get install --yes --no-install-recommends$missing"
	sudo=
	if [ "$(id -u)" -ne 0 ]; then
		sudo=sudo
		{ command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; } ||
			fail "missing:$missing
Run this as root, then try again:
  apt-get update && $command"
	fi
	echo "setup: installing$missing" >&2
	export DEBIAN_FRONTEND=noninteractive
	$sudo apt-get update -qq
	# shellcheck disable=SC2086 # a list of packages
	$sudo $command >/dev/null || fail "this did not work: $command"
fi

[ "$purpose" = libav ] && exit 0
[ "$purpose" = test ] && "$(dirname "$0")/versitygw.sh" >/dev/null
node_here=$(node --version | sed 's/^v//')
older "$node_here" 18 && fail "Node.js 18 or newer is needed, this is $node_here"
exit 0
