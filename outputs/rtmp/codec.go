package rtmp

import (
	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// carried are the codecs that a push can carry at all.
func carried() []media.Codec {
	return []media.Codec{media.CodecH264, media.CodecH265, media.CodecAV1, media.CodecAAC, media.CodecOpus, media.CodecMP3}
}

// enhanced is the codec of Enhanced RTMP that a configuration calls so, or 0.
func enhanced(name string) media.Codec {
	return map[string]media.Codec{"h265": media.CodecH265, "av1": media.CodecAV1, "opus": media.CodecOpus}[name]
}

// frameTicks is how long an audio unit lasts.
func frameTicks(u *media.Unit) media.Ticks {
	if n, err := bitstream.Samples(u.Track.Codec, u.Access[0]); err == nil && n > 0 {
		return media.Ticks(n)
	}
	return 1024
}

// silentTrack is the track of a stream that has no sound: AAC-LC, stereo, 48 kHz.
func silentTrack() *media.Track {
	return &media.Track{
		ID: silentID, Codec: media.CodecAAC, Form: media.FormAccess, Rate: 48_000, Channels: 2,
		Config: []byte{0x11, 0x90}, // ISO/IEC 14496-3 section 1.6.2.1
	}
}
