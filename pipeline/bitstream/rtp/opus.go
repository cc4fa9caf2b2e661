package rtp

import "weir/pipeline/media"

// packOpus passes a frame on as it is (RFC 7587 section 4.2).
func packOpus(w *writer, access [][]byte, _ media.Flags) {
	w.bound = total(access)
	if len(access) == 1 && w.bound > 0 {
		w.whole(access[0])
	}
}

func unpackOpus(a *assembly, b []byte) error { return a.whole(b) }

func peekOpus([]byte) Mark {
	m := unknown()
	m.Key, m.Start = true, true
	return m
}

// opusChannels is what a decoder is set up for. Opus packets say for themselves
// whether they are stereo; RTP always announces two channels (RFC 7587 section 7).
func opusChannels(declared int) int {
	if declared == 1 {
		return 1
	}
	return 2
}
