package bitstream

import "slices"

// adtsHeader is the length of an ADTS header without checksum, in bytes.
const adtsHeader = 7

// AppendADTS appends an AAC frame to dst with the ADTS header (ISO/IEC 14496-3
// table 1.A.5) that its AudioSpecificConfig config asks for, as MPEG-TS carries
// it. SBR is left to be found by the decoder.
func AppendADTS(dst, config, frame []byte) ([]byte, error) {
	c, err := readAudioConfig(config)
	if err != nil {
		return nil, err
	}
	index := slices.Index(aacRates(), c.rate)
	size := len(frame) + adtsHeader
	if index < 0 || size >= 1<<13 {
		return nil, unsupported("ADTS cannot carry a frame of %d bytes at %d Hz", len(frame), c.rate)
	}
	dst = append(dst,
		0xFF, 0xF1, // sync word, MPEG-4, no checksum
		(aacLC-1)<<6|byte(index)<<2|byte(c.layout>>2),
		byte(c.layout&3)<<6|byte(size>>11),
		byte(size>>3),
		byte(size&7)<<5|0x1F, // buffer fullness 0x7FF: variable rate
		0xFC,
	)
	return append(dst, frame...), nil
}

// SplitADTS takes a sequence of ADTS frames apart: their AudioSpecificConfig, as
// the first header says it, and the frames without headers, as slices of stream.
func SplitADTS(stream []byte) (config []byte, frames [][]byte, err error) {
	if len(stream) > MaxUnit {
		return nil, nil, malformed("ADTS of %d bytes", len(stream))
	}
	for len(stream) > 0 {
		header, size, err := readADTS(stream)
		if err != nil {
			return nil, nil, err
		}
		if config == nil {
			if config, err = adtsConfig(stream); err != nil {
				return nil, nil, err
			}
		}
		frames = append(frames, stream[header:size:size])
		stream = stream[size:]
	}
	return config, frames, nil
}

// readADTS is the length of the header and of the whole frame.
func readADTS(b []byte) (header, size int, err error) {
	if len(b) < adtsHeader || b[0] != 0xFF || b[1]&0xF6 != 0xF0 {
		return 0, 0, malformed("ADTS: no header")
	}
	header = adtsHeader
	if b[1]&1 == 0 { // checksum
		header += 2
	}
	size = int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
	if size <= header || size > len(b) {
		return 0, 0, malformed("ADTS: frame of %d bytes where %d remain", size, len(b))
	}
	if b[6]&3 != 0 {
		return 0, 0, unsupported("ADTS with more than one block a frame")
	}
	return header, size, nil
}

func adtsConfig(b []byte) ([]byte, error) {
	if object := int(b[2]>>6) + 1; object != aacLC {
		return nil, unsupported("the audio is of MPEG-4 object type %d: choose AAC-LC in the encoder", object)
	}
	rates, index := aacRates(), int(b[2]>>2&0xF)
	if index >= len(rates) {
		return nil, malformed("ADTS: sampling rate index %d", index)
	}
	layout := int(b[2]&1)<<2 | int(b[3]>>6)
	if layout == 7 {
		layout = 8
	}
	return AudioSpecificConfig(rates[index], layout)
}
