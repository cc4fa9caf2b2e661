package lint

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/platform"
)

// rule is one thing that can be wrong. broken returns what is, and what to do about it.
type rule struct {
	id       string
	severity pipeline.Severity
	broken   func(f *Facts, p *platform.Preset) (message, fix string)
}

func rules() []rule {
	return []rule{
		{"keyframe_interval_high", pipeline.Wrong, ofVideo(keyframesFar)},
		{"keyframe_interval_unstable", pipeline.Doubtful, ofVideo(keyframesUneven)},
		{"b_frames_present", pipeline.Wrong, ofVideo(bFrames)},
		{"open_gop", pipeline.Doubtful, ofVideo(openGOP)},
		{"bitrate_over_max", pipeline.Doubtful, bitrateOver},
		{"bitrate_under_min", pipeline.Doubtful, ofVideo(bitrateUnder)},
		{"bitrate_not_cbr", pipeline.Doubtful, ofVideo(bitrateVaries)},
		{"fps_unstable", pipeline.Doubtful, ofVideo(fpsVaries)},
		{"resolution_unsupported", pipeline.Wrong, ofVideo(size)},
		{"codec_unsupported", pipeline.Wrong, ofVideo(videoCodec)},
		{"profile_level", pipeline.Wrong, ofVideo(profile)},
		{"interlaced", pipeline.Doubtful, ofVideo(interlaced)},
		{"audio_missing", pipeline.Doubtful, silent},
		{"audio_codec", pipeline.Wrong, ofAudio(audioCodec)},
		{"audio_rate", pipeline.Doubtful, ofAudio(audioRate)},
		{clippingRule, pipeline.Doubtful, ofAudio(clipping)},
		{"av_offset", pipeline.Doubtful, apart},
		{"timestamp_jumps", pipeline.Doubtful, jumps},
		{"aspect_ratio", pipeline.Doubtful, ofVideo(pixels)},
		{"color_hdr", pipeline.Doubtful, ofVideo(hdr)},
	}
}

func ofVideo(broken func(v *Video, p *platform.Preset) (message, fix string)) func(*Facts, *platform.Preset) (message, fix string) {
	return func(f *Facts, p *platform.Preset) (message, fix string) {
		if f.Video == nil {
			return "", ""
		}
		return broken(f.Video, p)
	}
}

func ofAudio(broken func(a *Audio, p *platform.Preset) (message, fix string)) func(*Facts, *platform.Preset) (message, fix string) {
	return func(f *Facts, p *platform.Preset) (message, fix string) {
		if f.Audio == nil {
			return "", ""
		}
		return broken(f.Audio, p)
	}
}

// uneven is how far two distances of key frames may differ by chance.
const uneven = 250 * time.Millisecond

func keyframesFar(v *Video, p *platform.Preset) (message, fix string) {
	if p.KeyframeMax == 0 || v.KeyframeMost.Seconds() <= p.KeyframeMax+uneven.Seconds() {
		return "", ""
	}
	return fmt.Sprintf("%s wants a key frame at least every %g s, and they come up to %.1f s apart.", p.Title, p.KeyframeMax, v.KeyframeMost.Seconds()),
		keyframeFix(p)
}

func keyframesUneven(v *Video, p *platform.Preset) (message, fix string) {
	if !p.Musts(platform.Steady) || v.KeyframeLeast == 0 || v.KeyframeMost-v.KeyframeLeast <= uneven {
		return "", ""
	}
	return fmt.Sprintf("Key frames come from %.1f to %.1f s apart; %s cuts the stream at them and wants them even.",
		v.KeyframeLeast.Seconds(), v.KeyframeMost.Seconds(), p.Title), keyframeFix(p) + " With x264, add scenecut=0 to the encoder's options."
}

func keyframeFix(p *platform.Preset) string {
	want := p.KeyframeWant
	if want == 0 {
		want = 2
	}
	return fmt.Sprintf("OBS: Settings → Output → Keyframe Interval = %g s, not 0 (auto).", want)
}

func bFrames(v *Video, p *platform.Preset) (message, fix string) {
	if !p.Musts(platform.NoBFrames) || !v.BFrames {
		return "", ""
	}
	return fmt.Sprintf("There are B-frames, which %s does not show in their order.", p.Title),
		"OBS: Settings → Output → Max B-frames = 0, or Tune = zerolatency."
}

func openGOP(v *Video, p *platform.Preset) (message, fix string) {
	if !p.Musts(platform.ClosedGOP) || !v.OpenGOP {
		return "", ""
	}
	return fmt.Sprintf("Pictures refer to what is before a key frame (open GOP); %s wants closed ones.", p.Title),
		"OBS: remove open-gop=1 and intra-refresh=1 from Settings → Output → x264 Options."
}

// tolerance is by how much a measured bitrate may miss a limit.
const tolerance = 1.1

func bitrateOver(f *Facts, p *platform.Preset) (message, fix string) {
	if v := f.Video; v != nil {
		most := p.BitrateMax
		if b := figures(v, p); b != nil && b.Max > 0 && (most == 0 || b.Max < most) {
			most = b.Max
		}
		if most > 0 && float64(v.Bitrate) > tolerance*float64(most) {
			return fmt.Sprintf("The picture comes with %s, and %s takes at most %s for %s.", mbit(v.Bitrate), p.Title, mbit(most), dimensions(v)),
				fmt.Sprintf("OBS: Settings → Output → Bitrate = %d Kbps or less.", most/1000)
		}
	}
	if a := f.Audio; a != nil && p.AudioBitrateMax > 0 && float64(a.Bitrate) > tolerance*float64(p.AudioBitrateMax) {
		return fmt.Sprintf("The sound comes with %d kbit/s, and %s takes at most %d.", a.Bitrate/1000, p.Title, p.AudioBitrateMax/1000),
			fmt.Sprintf("OBS: Settings → Output → Audio → Audio Bitrate = %d or less.", p.AudioBitrateMax/1000)
	}
	return "", ""
}

func bitrateUnder(v *Video, p *platform.Preset) (message, fix string) {
	b := figures(v, p)
	if b == nil || v.Bitrate == 0 || float64(v.Bitrate)*tolerance >= float64(b.Min) {
		return "", ""
	}
	return fmt.Sprintf("The picture comes with %s, and %s wants at least %s for %s.", mbit(v.Bitrate), p.Title, mbit(b.Min), dimensions(v)),
		fmt.Sprintf("OBS: Settings → Output → Bitrate = %d Kbps or more, or a smaller Output Resolution.", b.Min/1000)
}

// bursts is how much more than its mean a constant bitrate may be in four seconds.
const bursts = 1.5

func bitrateVaries(v *Video, p *platform.Preset) (message, fix string) {
	if !p.Musts(platform.ConstantBitrate) || v.Constant || float64(v.BitrateMost) <= bursts*float64(v.Bitrate) {
		return "", ""
	}
	return fmt.Sprintf("The bitrate is %s on average and up to %s; %s wants a constant one.", mbit(v.Bitrate), mbit(v.BitrateMost), p.Title),
		"OBS: Settings → Output → Rate Control = CBR."
}

func fpsVaries(v *Video, p *platform.Preset) (message, fix string) {
	if !p.Musts(platform.Steady) || v.FPSMost-v.FPSLeast <= max(2, v.FPS/10) {
		return "", ""
	}
	return fmt.Sprintf("There are from %.0f to %.0f frames in a second; %s wants them to be even.", v.FPSLeast, v.FPSMost, p.Title),
		"OBS: Settings → Video → a common FPS value; if View → Stats shows lagged or skipped frames, choose a faster Encoder Preset."
}

func size(v *Video, p *platform.Preset) (message, fix string) {
	height := min(v.Width, v.Height)
	switch {
	case p.HeightMax > 0 && height > p.HeightMax:
		return fmt.Sprintf("The picture is %s, and %s takes at most %d lines.", dimensions(v), p.Title, p.HeightMax),
			fmt.Sprintf("OBS: Settings → Video → Output (Scaled) Resolution = %dx%d.", p.HeightMax*16/9, p.HeightMax)
	case p.FPSMax > 0 && v.FPS > p.FPSMax*1.02:
		return fmt.Sprintf("The picture is %s, and %s takes at most %g frames a second.", dimensions(v), p.Title, p.FPSMax),
			fmt.Sprintf("OBS: Settings → Video → FPS = %g or less.", p.FPSMax)
	default:
		return "", ""
	}
}

func videoCodec(v *Video, p *platform.Preset) (message, fix string) {
	if p.Takes(v.Codec) {
		return "", ""
	}
	return fmt.Sprintf("The picture is %s; %s takes %s.", v.Codec, p.Title, kinds(p, media.KindVideo)),
		"OBS: Settings → Output → Video Encoder = one for " + kinds(p, media.KindVideo) + "."
}

func profile(v *Video, p *platform.Preset) (message, fix string) {
	switch {
	case len(p.Profiles) > 0 && v.Profile != "" && !slices.Contains(p.Profiles, v.Profile):
		return fmt.Sprintf("The picture has the profile %s; %s takes %s.", v.Profile, p.Title, strings.Join(p.Profiles, " and ")),
			"OBS: Settings → Output → Profile = " + strings.ToLower(p.Profiles[len(p.Profiles)-1]) + "."
	case p.LevelMax > 0 && v.Level > p.LevelMax:
		return fmt.Sprintf("The picture has level %.1f; %s takes at most %.1f.", float64(v.Level)/10, p.Title, float64(p.LevelMax)/10),
			"OBS: lower Output (Scaled) Resolution or FPS in Settings → Video, and set no level in the encoder's options."
	default:
		return "", ""
	}
}

func interlaced(v *Video, p *platform.Preset) (message, fix string) {
	if !p.Musts(platform.Progressive) || !v.Interlaced {
		return "", ""
	}
	return fmt.Sprintf("The picture is interlaced; %s shows combs where it moves.", p.Title),
		"OBS: right-click the source → Deinterlacing, and remove tff=1 or bff=1 from the encoder's options."
}

func silent(f *Facts, p *platform.Preset) (message, fix string) {
	if !p.Audio || !f.Silent {
		return "", ""
	}
	return fmt.Sprintf("%s wants sound, and none comes; silence is sent instead, unless `silence: never` forbids that.", p.Title),
		"OBS: Settings → Audio → choose a device, and tick a track in Settings → Output → Streaming."
}

func audioCodec(a *Audio, p *platform.Preset) (message, fix string) {
	switch {
	case !p.Takes(a.Codec):
		return fmt.Sprintf("The sound is %s; %s takes %s.", a.Codec, p.Title, kinds(p, media.KindAudio)),
			"OBS: Settings → Output → Audio Encoder = one for " + kinds(p, media.KindAudio) + "."
	case a.Profile != "" && a.Profile != "LC" && len(p.AudioRates) > 0:
		return fmt.Sprintf("The sound is %s-AAC; %s takes AAC-LC.", a.Profile, p.Title),
			"OBS: Settings → Output → Audio Encoder = FFmpeg AAC."
	case p.AudioChannelsMax > 0 && a.Channels > p.AudioChannelsMax:
		return fmt.Sprintf("The sound has %d channels; %s takes at most %d.", a.Channels, p.Title, p.AudioChannelsMax),
			"OBS: Settings → Audio → Channels = Stereo."
	default:
		return "", ""
	}
}

func audioRate(a *Audio, p *platform.Preset) (message, fix string) {
	if len(p.AudioRates) == 0 || a.Rate == 0 || slices.Contains(p.AudioRates, a.Rate) {
		return "", ""
	}
	var rates []string
	for _, r := range p.AudioRates {
		rates = append(rates, fmt.Sprintf("%g kHz", float64(r)/1000))
	}
	return fmt.Sprintf("The sound has %g kHz; %s takes %s.", float64(a.Rate)/1000, p.Title, strings.Join(rates, " and ")),
		"OBS: Settings → Audio → Sample Rate = 48 kHz."
}

const (
	clippingRule = "audio_clipping"
	// clipped is the share of samples that may be cut off by chance.
	clipped = 0.001
)

func clipping(a *Audio, _ *platform.Preset) (message, fix string) {
	if a.Clipping < clipped {
		return "", ""
	}
	return fmt.Sprintf("The sound is distorted: %.2g %% of it is cut off at full scale.", 100*a.Clipping),
		"OBS: lower the source in the Audio Mixer until its meter stays out of the red, or add a Limiter to its filters."
}

// Clipping is what there is to say of sound of which a share is cut off at full scale, for
// stages that decode sound whatever becomes of it.
func Clipping(share float64) []pipeline.Finding {
	message, fix := clipping(&Audio{Clipping: share}, nil)
	if message == "" {
		return nil
	}
	return []pipeline.Finding{{Rule: clippingRule, Severity: pipeline.Doubtful, Message: message, Fix: fix}}
}

// offset is how far sound and picture may be apart by the way in which encoders
// interleave them.
const offset = time.Second

func apart(f *Facts, p *platform.Preset) (message, fix string) {
	if !p.Musts(platform.Steady) || f.Offset.Abs() <= offset {
		return "", ""
	}
	where := "ahead of"
	if f.Offset < 0 {
		where = "behind"
	}
	return fmt.Sprintf("The sound's timestamps are %.1f s %s the picture's.", f.Offset.Abs().Seconds(), where),
		"OBS: Edit → Advanced Audio Properties → Sync Offset = 0, then restart the stream."
}

func jumps(f *Facts, p *platform.Preset) (message, fix string) {
	if !p.Musts(platform.Steady) || f.Jumps == 0 {
		return "", ""
	}
	return fmt.Sprintf("Timestamps have jumped %d times of late; %s may end the broadcast when they do.", f.Jumps, p.Title),
		"Restart the stream in the encoder; if it comes back, look for sources that loop, and for a computer that is too busy."
}

func pixels(v *Video, p *platform.Preset) (message, fix string) {
	if !p.Musts(platform.SquarePixels) || v.PixelAspect == 0 || math.Abs(v.PixelAspect-1) < 0.01 {
		return "", ""
	}
	return fmt.Sprintf("Pixels are %.2f times as wide as high; %s wants square ones and may show the picture distorted.", v.PixelAspect, p.Title),
		"OBS: Settings → Video → Output (Scaled) Resolution in the canvas's proportions; remove sar from the encoder's options."
}

func hdr(v *Video, p *platform.Preset) (message, fix string) {
	if !p.Musts(platform.StandardRange) || !v.HDR {
		return "", ""
	}
	return fmt.Sprintf("The picture is HDR; %s takes only SDR and would show it pale.", p.Title),
		"OBS: Settings → Advanced → Color Space = Rec. 709."
}

// figures is what bounds the bitrate of such pictures: the entry for the smallest that
// are no smaller.
func figures(v *Video, p *platform.Preset) *platform.Bitrate {
	var best *platform.Bitrate
	for i := range p.Bitrates {
		if b := &p.Bitrates[i]; b.Height >= min(v.Width, v.Height) && b.FPS*1.02 >= v.FPS {
			best = b
		}
	}
	if min(v.Width, v.Height) == 0 {
		return nil
	}
	return best
}

func dimensions(v *Video) string {
	text := fmt.Sprintf("%dx%d", v.Width, v.Height)
	if v.FPS > 0 {
		text += fmt.Sprintf(" with %.3g frames a second", v.FPS)
	}
	return text
}

func mbit(bits int64) string { return fmt.Sprintf("%.2g Mbit/s", float64(bits)/1e6) }

// kinds are the codecs of a kind that a platform takes.
func kinds(p *platform.Preset, k media.Kind) string {
	var names []string
	for _, c := range media.Codecs() {
		if c.Kind() == k && p.Takes(c) {
			names = append(names, c.String())
		}
	}
	return strings.Join(names, " or ")
}
