package bitstream

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"weir/pipeline/media"
)

// Key frames of libvpx, as far as their sizes.
const (
	vp9Key8  = "824983420027f01670" // profile 0, 640x360
	vp9Key10 = "924983422013f80b38" // profile 2, 10 bits
)

func TestVP9(t *testing.T) {
	for _, c := range []struct{ frame, config, name string }{
		{vp9Key8, "01000000001e820202020000", "vp09.00.30.08"},
		{vp9Key10, "01000000021ea20202010000", "vp09.02.30.10"},
	} {
		p, err := FromSets(media.CodecVP9, [][]byte{unhex(t, c.frame)}, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(p.Config); got != c.config || p.CodecString() != c.name || p.Width != 640 || p.Height != 360 {
			t.Errorf("%s, %s, %dx%d", got, p.CodecString(), p.Width, p.Height)
		}
		again, err := Parse(media.CodecVP9, p.Config, Limits{})
		if err != nil || again.CodecString() != c.name {
			t.Errorf("read again: %+v, %v", again, err)
		}
	}
}

// What is no key frame, or one too large, describes nothing.
func TestVP9Refused(t *testing.T) {
	for _, c := range []struct{ frame, says string }{
		{"", "not a key frame"},
		{"86", "not a key frame"},
		{"824983430000000000", "without a sync code"},
		{vp9Key8[:14], "cut off"},
		{"824983420fffffffe0", "65536×65535"},
	} {
		_, err := FromSets(media.CodecVP9, [][]byte{unhex(t, c.frame)}, Limits{})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.frame, err)
		}
	}
	for _, config := range []string{"", "0100000000298202020200", "010000000429820202020000", "010000000029920202020000", "000000000029820202020000"} {
		if _, err := Parse(media.CodecVP9, unhex(t, config), Limits{}); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", config, err)
		}
	}
}

// A key frame of another size makes another configuration; other frames do not.
func TestVP9Changes(t *testing.T) {
	p, err := FromSets(media.CodecVP9, [][]byte{unhex(t, vp9Key8)}, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		frame string
		key   bool
		width int
	}{
		{vp9Key8, true, 0}, {"86", false, 0}, {"824983420013f00b30", true, 320},
	} {
		au, err := p.Split(unhex(t, c.frame))
		if err != nil {
			t.Fatal(err)
		}
		if au.Flags.Has(media.Key) != c.key || (au.Params != nil) != (c.width > 0) || au.Params != nil && au.Params.Width != c.width {
			t.Errorf("%s: %v, %+v", c.frame, au.Flags, au.Params)
		}
	}
}
