#!/bin/sh
# Makes the clips of testdata/media and the one that `weir demo` publishes. They
# are committed; run this only to change them. Needs Debian's ffmpeg and
# fonts-dejavu-core. One thread and no version strings: the same ffmpeg makes the
# same bytes.
set -eu
cd "$(dirname "$0")/../.."
out=testdata/media
font=/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf
mkdir -p "$out"

# ff ARGS…: the ffmpeg of all clips.
ff() { ffmpeg -hide_banner -loglevel error -nostdin -y "$@"; }

# What all clips show and play: 6 s of 320x180 at 30 frames a second with a clock
# and a frame counter; a 440 Hz tone with a beep at each second, in stereo.
seconds=6
video="testsrc2=size=320x180:rate=30:duration=$seconds"
audio="sine=frequency=440:beep_factor=4:sample_rate=48000:duration=$seconds,volume=0.5,pan=stereo|c0=c0|c1=c0"
exact="-threads 1 -fflags +bitexact -flags +bitexact -map_metadata -1 -pix_fmt yuv420p -movflags +faststart"

aac="-c:a aac -b:a 64k"
opus="-c:a libopus -b:a 48k -strict -2"
x264="-c:v libx264 -preset slow -crf 30 -g 30 -keyint_min 30 -sc_threshold 0 -x264-params threads=1"

# both OUT CODECS…: a clip with picture and sound.
both() { name=$1; shift; ff -f lavfi -i "$video" -f lavfi -i "$audio" $exact "$@" "$out/$name"; }

both h264-aac.mp4          $x264 -bf 0 $aac
both h264-bframes-aac.mp4  $x264 -bf 2 -b_strategy 0 $aac
both h264-opus.mp4         $x264 -bf 0 $opus
both h264-aac.flv          $x264 -bf 0 $aac
both h265-aac.mp4          -c:v libx265 -preset medium -crf 32 -tag:v hvc1 \
	-x265-params log-level=error:pools=1:frame-threads=1:keyint=30:min-keyint=30:scenecut=0:bframes=0 $aac
# Ten pictures of 10 bit in the PQ curve, as cameras and phones film HDR.
ff -f lavfi -i "testsrc2=size=320x180:rate=30:duration=0.34" $exact -pix_fmt yuv420p10le -c:v libx265 -preset medium -crf 36 -tag:v hvc1 \
	-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc \
	-x265-params log-level=error:pools=1:frame-threads=1:bframes=0:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc "$out/h265-pq.mp4"
SVT_LOG=1 both av1-opus.mp4          -c:v libsvtav1 -preset 8 -crf 45 -g 30 $opus
ff -f lavfi -i "$video" $exact $x264 -bf 0 "$out/video-only.mp4"
ff -f lavfi -i "$audio" $exact $aac "$out/audio-only.mp4"

# The demo: 10 s that join up with their own beginning. Water flows over a weir,
# below it are a clock, a frame counter and a marker that runs through the 10 s;
# eight notes take 2 s, and a white square shows for 0.1 s with each loud one.
# Waves of whole periods in 10 s (T) and across the width (X), dark below the lip.
flow='2*PI*T/10'
water="(0.5+0.25*sin(2*PI*X/W*2+3*$flow+4*Y/H)+0.25*sin(2*PI*X/W*3-5*$flow+7*Y/H))"
fall="(0.5+0.5*tanh((Y/H-0.66-0.02*sin(2*PI*X/W*2+2*$flow))*24))"
picture="color=black:size=320x180:rate=30:duration=10,format=yuv444p,
geq=lum='26+100*$water*(1-0.6*$fall)+40*$fall*$water*sin(2*PI*(Y/H*9-2*T))':cb='152+14*$water':cr='102-10*$water',
scale=640:360:flags=bicubic,format=yuv420p,
drawtext=fontfile=$font:text=weir:fontsize=88:fontcolor=white:x=36:y=34,
drawtext=fontfile=$font:text='%{pts\:hms}':fontsize=36:fontcolor=white:x=16:y=140,
drawtext=fontfile=$font:text='frame %{eif\:n\:d\:3}':fontsize=22:fontcolor=white:x=38:y=186,
drawbox=x=560:y=262:w=44:h=44:color=white:t=fill:enable='lt(mod(t,1),0.1)',
drawbox=x=36:y=326:w=568:h=2:color=white@0.4:t=fill"
# Note k of eight in a pentatonic scale, a quarter of a second each.
half='(7*eq(ld(0),1)+12*eq(ld(0),2)+16*eq(ld(0),3)+19*eq(ld(0),4)+16*eq(ld(0),5)+12*eq(ld(0),6)+7*eq(ld(0),7))'
tone="st(0,floor(mod(4*t,8)));st(1,mod(t,0.25));st(2,2*PI*220*pow(2,$half/12)*ld(1));
(0.22+0.2*eq(mod(ld(0),4),0))*min(1,200*ld(1))*min(1,40*(0.25-ld(1)))*exp(-6*ld(1))
*(sin(ld(2))+0.4*sin(2*ld(2))+0.15*sin(3*ld(2)))"
ff -f lavfi -i "$(printf %s "$picture" | tr -d '\n')" -f lavfi -i "color=white:size=12x10:rate=30:duration=10" \
	-f lavfi -i "aevalsrc='$(printf %s "$tone" | tr -d '\n')':s=48000:d=10:c=mono,pan=stereo|c0=c0|c1=c0" \
	-filter_complex "[0][1]overlay=x='36+556*t/10':y=322:eval=frame[v]" -map '[v]' -map 2:a $exact \
	$x264 -bf 0 -profile:v high -crf 25 -maxrate 620k -bufsize 620k -c:a aac -b:a 96k cmd/weir/demo.flv

ls -l "$out" cmd/weir/demo.flv
