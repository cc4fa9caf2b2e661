#!/bin/sh
# Installs what is missing for a purpose, on Debian and its like:
#   setup.sh run     build the pages and the server (Node.js, npm)
#   setup.sh test    the tests too (a C compiler for the race detector, ffmpeg, Chromium,
#                    nginx with its RTMP module, an S3 server, promtool, what makes networks and
#                    what breaks a disk)
#   setup.sh clips   remake the test clips (ffmpeg, a font)
#   setup.sh libav   build libav for the worker (a C compiler, the codecs' libraries)
#   setup.sh memcheck
#                    look for errors of memory around libav (valgrind)
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

shell=chromium-headless-shell
# browser: Chromium's shell is wanted, which takes less time for the same; where there is
# no such package, Chromium itself.
browser() {
	command -v $shell >/dev/null && return
	command -v chromium >/dev/null && ! apt-cache show $shell >/dev/null 2>&1 && return
	missing="$missing $shell"
}

case $purpose in
run | test | clips)
	need node nodejs
	need npm npm
	;;
libav | memcheck) ;;
*) fail "unknown purpose $purpose: run, test, clips, libav or memcheck" ;;
esac
case $purpose in
test)
	need gcc gcc libc6-dev
	need ffmpeg ffmpeg
	browser
	need nginx nginx
	file /usr/lib/nginx/modules/ngx_rtmp_module.so libnginx-mod-rtmp
	need curl curl
	need ip iproute2
	need strace strace
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
memcheck)
	need valgrind valgrind
	;;
esac

if [ -n "$missing" ]; then
	command -v apt-get >/dev/null || fail "install these and try again:$missing"
	install="apt-get install --yes --no-install-recommends"
	sudo=
	if [ "$(id -u)" -ne 0 ]; then
		sudo=sudo
		{ command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; } ||
			fail "missing:$missing
Run this as root, then try again:
  apt-get update && $install$missing"
	fi
	echo "setup: installing$missing" >&2
	export DEBIAN_FRONTEND=noninteractive
	$sudo apt-get update -qq
	apt-cache show $shell >/dev/null 2>&1 || missing=$(echo "$missing" | sed "s/$shell/chromium/")
	# shellcheck disable=SC2086 # lists of words
	$sudo $install $missing >/dev/null || fail "this did not work: $install$missing"
fi

case $purpose in libav | memcheck) exit 0 ;; esac
[ "$purpose" = test ] && "$(dirname "$0")/versitygw.sh" >/dev/null
[ "$purpose" = test ] && { "$(dirname "$0")/promtool.sh" >/dev/null || echo "setup: the alert rules will not be tested" >&2; }
node_here=$(node --version | sed 's/^v//')
older "$node_here" 18 && fail "Node.js 18 or newer is needed, this is $node_here"
exit 0
