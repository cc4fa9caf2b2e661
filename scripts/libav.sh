#!/bin/sh
# Finds or builds libav (FFmpeg 8) for bin/weir-av and prints the PKG_CONFIG_PATH
# with which a compiler finds it: empty where the system's own is fit, else a
# folder in the user's cache. What it does meanwhile goes to the standard error.
#   libav.sh                  the libraries, without network and programs
#   libav.sh --with-ffmpeg    a build with the ffmpeg and ffprobe programs beside
#                             them (../../bin from there), for tests and benchmarks
# Building takes about three minutes on two cores, once: a finished build is kept
# by its version, its options and the libraries that it was made with.
set -eu

version=8.1.2
sha256=464beb5e7bf0c311e68b45ae2f04e9cc2af88851abb4082231742a74d97b524c

say() { echo "libav: $*" >&2; }
fail() { say "$*"; exit 1; }

programs=
case ${1:-} in
'') ;;
--with-ffmpeg) programs=yes ;;
*) fail "unknown option $1: --with-ffmpeg or nothing" ;;
esac
here=$(cd "$(dirname "$0")" && pwd)

# fit: pkg-config shows the libraries of FFmpeg 8, by their major versions.
fit() {
	for wanted in libavutil:60 libavcodec:62 libavformat:62 libavfilter:11 libavdevice:62 libswscale:9 libswresample:6; do
		found=$(pkg-config --modversion "${wanted%:*}" 2>/dev/null) || return 1
		[ "${found%%.*}" = "${wanted#*:}" ] || return 1
	done
}

has() { pkg-config --exists "$@" 2>/dev/null; }

if fit && { [ -z "$programs" ] || ffmpeg -version 2>/dev/null | grep -q '^ffmpeg version n\{0,1\}8\.'; }; then
	echo "${PKG_CONFIG_PATH:-}"
	exit 0
fi

"$here/setup.sh" libav

decoders=h264,hevc,vp8,vp9,libdav1d,aac,aac_latm,libopus,opus,mp3float,png,mjpeg
encoders=libx264,libvpx_vp8,libvpx_vp9,aac,libopus,png
parsers=h264,hevc,vp8,vp9,av1,aac,aac_latm,opus,mpegaudio,png,mjpeg
bsfs=extract_extradata,dump_extradata,h264_mp4toannexb,hevc_mp4toannexb,vp9_superframe,vp9_superframe_split,aac_adtstoasc,noise
filters=aresample,aformat,anull,asetnsamples,asetpts,asplit,amix,volume,loudnorm,alimiter,adelay,apad,anullsrc,sine
filters=$filters,scale,format,fps,null,split,setpts,setsar,crop,pad,overlay,drawtext,transpose,hflip,vflip,tile,xstack,yadif,bwdif,tonemap,color,testsrc2
hwaccels=

set -- --enable-gpl --enable-static --disable-shared --enable-pic --disable-debug --optflags=-O2 \
	--disable-autodetect --disable-everything --disable-doc --enable-pthreads --enable-zlib \
	--enable-libx264 --enable-libvpx --enable-libopus --enable-libdav1d \
	--enable-libfreetype --enable-libharfbuzz --enable-libfontconfig

linked="x264 vpx opus dav1d freetype2 harfbuzz fontconfig zlib"
if has 'SvtAv1Enc >= 0.9.0'; then
	set -- "$@" --enable-libsvtav1
	encoders=$encoders,libsvtav1
	linked="$linked SvtAv1Enc"
elif has 'aom >= 2.0.0'; then
	set -- "$@" --enable-libaom
	encoders=$encoders,libaom_av1
	linked="$linked aom"
fi
if has libva libva-drm; then
	set -- "$@" --enable-vaapi
	encoders=$encoders,h264_vaapi
	filters=$filters,scale_vaapi,hwupload,hwdownload
	hwaccels=$hwaccels,h264_vaapi,hevc_vaapi,vp8_vaapi,vp9_vaapi,av1_vaapi
	linked="$linked libva"
fi
# The series of headers that this FFmpeg takes; older ones are refused by its configure.
if has 'ffnvcodec >= 12.1.14.0' || has 'ffnvcodec >= 11.1.5.3' 'ffnvcodec < 12.0'; then
	set -- "$@" --enable-ffnvcodec --enable-nvenc --enable-nvdec
	encoders=$encoders,h264_nvenc
	hwaccels=$hwaccels,h264_nvdec,hevc_nvdec,vp8_nvdec,vp9_nvdec,av1_nvdec
	linked="$linked ffnvcodec"
fi
if [ -n "$programs" ]; then
	protocols=file,pipe,tcp,udp,rtp,http,rtmp
	muxers=flv,mp4,matroska,mpegts,rawvideo,pcm_s16le,wav,null,framecrc,framemd5,image2,h264,rtp,hls
	demuxers=flv,mov,matroska,mpegts,rawvideo,pcm_s16le,wav,h264,hevc,aac,mp3,image2,image2pipe,ogg,hls
	if has 'openssl >= 1.1.1'; then
		set -- "$@" --enable-version3 --enable-openssl
		protocols=$protocols,tls,dtls,https,rtmps,srtp
		muxers=$muxers,whip
		linked="$linked openssl"
	fi
	decoders=$decoders,rawvideo,wrapped_avframe,pcm_s16le,pcm_f32le
	encoders=$encoders,rawvideo,wrapped_avframe,pcm_s16le,pcm_f32le
	filters=$filters,psnr,ssim,select,aselect,trim,atrim,showinfo,ashowinfo,signalstats,astats,volumedetect,silencedetect,smptebars,hstack,vstack,concat,aevalsrc,atempo,asetrate,metadata,ametadata,realtime,arealtime
	set -- "$@" --disable-ffplay --enable-indev=lavfi --enable-protocol="$protocols" --enable-muxer="$muxers" --enable-demuxer="$demuxers"
else
	set -- "$@" --disable-programs --disable-network
fi
set -- "$@" --enable-decoder="$decoders" --enable-encoder="$encoders" --enable-parser="$parsers" \
	--enable-bsf="$bsfs" --enable-filter="$filters" ${hwaccels:+"--enable-hwaccel=${hwaccels#,}"}

cache=${XDG_CACHE_HOME:-$HOME/.cache}/weir
# shellcheck disable=SC2086 # a list of libraries
key=$({ printf '%s\n' "$@"; for l in $linked; do echo "$l $(pkg-config --modversion "$l")"; done; gcc -dumpmachine; } | sha256sum | cut -c 1-12)
home=$cache/libav-$version-$key
if [ -e "$home/lib/pkgconfig/libavcodec.pc" ]; then
	echo "$home/lib/pkgconfig"
	exit 0
fi

# One build at a time; whoever waited finds the other's.
mkdir -p "$cache"
exec 9>"$cache/libav.lock"
if command -v flock >/dev/null; then
	flock -n 9 || { say "waiting for another build"; flock 9; }
	rm -rf "$cache"/libav-build.*
fi
if [ -e "$home/lib/pkgconfig/libavcodec.pc" ]; then
	echo "$home/lib/pkgconfig"
	exit 0
fi

work=$(mktemp -d "$cache/libav-build.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
tarball=$cache/ffmpeg-$version.tar.xz

genuine() { [ -e "$1" ] && echo "$sha256  $1" | sha256sum -c --status 2>/dev/null; }

# get URL: the source into the cache, if that URL has it.
get() {
	if command -v curl >/dev/null; then
		curl --fail --silent --location --connect-timeout 10 --output "$work/source" "$1" || return 1
	elif command -v wget >/dev/null; then
		wget --quiet --timeout=20 --tries=1 --output-document="$work/source" "$1" || return 1
	else
		return 1
	fi
	genuine "$work/source" && mv "$work/source" "$tarball"
}

# get_apt URL: the same by apt, with its proxies and keys.
get_apt() {
	apt_tool=/usr/lib/apt/apt-helper
	[ -x $apt_tool ] || return 1
	$apt_tool download-file "$1" "$work/source" "SHA256:$sha256" >/dev/null 2>&1 || return 1
	genuine "$work/source" && mv "$work/source" "$tarball"
}

# mirrors: where this machine's apt gets its packages.
mirrors() { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | sort -u; }

fetch() {
	genuine "$tarball" && return
	say "getting the source of FFmpeg $version"
	get "https://ffmpeg.org/releases/ffmpeg-$version.tar.xz" && return
	for mirror in $(mirrors); do
		file=${mirror%/}/pool/main/f/ffmpeg/ffmpeg_$version.orig.tar.xz
		get "$file" && return
		get_apt "$file" && return
	done
	fail "the source of FFmpeg $version cannot be reached: put it at $tarball and try again"
}

# progress TOTAL: the lines of make, as a percentage of the objects.
progress() {
	awk -v total="$1" '
		/^(CC|X86ASM|HOSTCC|AS|CXX)\t/ {
			p = int(100 * ++n / total); if (p > 100) p = 100
			if (tty ? p != last : p >= last + 10) { printf tty ? "\rlibav: building FFmpeg, %d %%" : "libav: building FFmpeg, %d %%\n", p > "/dev/stderr"; last = p }
		}
		END { if (tty) printf "\n" > "/dev/stderr" }' tty="$tty"
}
tty=0
[ -t 2 ] && tty=1

fetch
say "configuring FFmpeg $version"
tar -xJf "$tarball" -C "$work"
cd "$work/ffmpeg-$version"
./configure --prefix="$home" "$@" >"$work/log" 2>&1 ||
	{ tail -n 15 ffbuild/config.log >&2; fail "FFmpeg's configure failed; the reason is above"; }
total=$(make -n 2>/dev/null | grep -c '^printf "\(CC\|X86ASM\)' || true)
[ "$total" -gt 0 ] || total=1000
{ make -j"$(nproc)" 2>"$work/errors" || touch "$work/failed"; } | progress "$total"
[ ! -e "$work/failed" ] || { tail -n 15 "$work/errors" >&2; fail "building FFmpeg failed; the reason is above"; }
make install DESTDIR="$work/stage" >>"$work/log" 2>&1 || { tail -n 15 "$work/log" >&2; fail "installing FFmpeg failed; the reason is above"; }
rm -rf "$home"
mv "$work/stage$home" "$home"
say "FFmpeg $version is in $home"
echo "$home/lib/pkgconfig"
