package wire

import (
	"encoding/hex"
	"fmt"
	"image/color"
)

// Color takes a colour of the form "#rrggbb", or "#rrggbbaa" with its opacity, apart.
func Color(text string) (color.NRGBA, error) {
	var b [4]byte
	b[3] = 0xff
	if n := len(text); (n == 7 || n == 9) && text[0] == '#' {
		if _, err := hex.Decode(b[:], []byte(text[1:])); err == nil {
			return color.NRGBA{R: b[0], G: b[1], B: b[2], A: b[3]}, nil
		}
	}
	return color.NRGBA{}, fmt.Errorf("%.20q is no colour: write #rrggbb, or #rrggbbaa with its opacity", text)
}

// RGB takes a colour without an opacity, "#rrggbb", apart. "" is black.
func RGB(text string) (rgb [3]uint8, err error) {
	if text == "" {
		return rgb, nil
	}
	c, err := Color(text)
	if err != nil || len(text) != len("#rrggbb") {
		return rgb, fmt.Errorf("%.20q is no colour of the form #rrggbb", text)
	}
	return [3]uint8{c.R, c.G, c.B}, nil
}
