package wire

import (
	"image/color"
	"testing"
)

func TestColor(t *testing.T) {
	for text, want := range map[string]color.NRGBA{
		"#102030": {0x10, 0x20, 0x30, 0xff}, "#10203040": {0x10, 0x20, 0x30, 0x40}, "#0A80ff": {10, 128, 255, 255},
	} {
		if got, err := Color(text); err != nil || got != want {
			t.Errorf("%s is %v: %v", text, got, err)
		}
	}
	for _, text := range []string{"", "red", "#12345", "#12345g", "#1234567", "#123456789"} {
		if got, err := Color(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

// RGB has no opacity.
func TestRGB(t *testing.T) {
	for text, want := range map[string][3]uint8{"": {}, "#0A80ff": {10, 128, 255}} {
		if got, err := RGB(text); err != nil || got != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"red", "#12345", "#10203040"} {
		if got, err := RGB(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
