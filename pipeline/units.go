package pipeline

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Bytes is a size in bytes that a configuration writes with its unit: "64MiB".
// Durations need no type of their own: a [time.Duration] is written as "200ms".
type Bytes int64

// Bitrate is a rate in bit/s that a configuration writes with its unit: "2.5M",
// "900k", "6Mbps".
type Bitrate int64

// scale is a unit and how much of the base unit it is.
type scale struct {
	unit   string
	factor int64
}

// The units, largest first, so that the first that divides a value prints it.
func byteScales() []scale {
	return []scale{
		{"TiB", 1 << 40},
		{"GiB", 1 << 30},
		{"MiB", 1 << 20},
		{"KiB", 1 << 10},
		{"TB", 1e12},
		{"GB", 1e9},
		{"MB", 1e6},
		{"kB", 1e3},
		{"KB", 1e3},
		{"B", 1},
	}
}

func bitrateScales() []scale {
	return []scale{
		{"Gbps", 1e9}, {"Mbps", 1e6}, {"kbps", 1e3}, {"bps", 1}, {"G", 1e9}, {"M", 1e6}, {"k", 1e3},
	}
}

// ParseBytes reads a size: a number, fractions allowed, and one of B, kB, MB, GB,
// TB, KiB, MiB, GiB, TiB. Only 0 may go without a unit.
func ParseBytes(s string) (Bytes, error) {
	n, err := parseScaled(s, byteScales())
	if err != nil {
		return 0, fmt.Errorf("%q is no size such as 512KiB, 64MiB or 1.5GB", s)
	}
	return Bytes(n), nil
}

// ParseBitrate reads a rate: a number, fractions allowed, and one of k, M, G, bps,
// kbps, Mbps, Gbps, all powers of ten. Only 0 may go without a unit.
func ParseBitrate(s string) (Bitrate, error) {
	n, err := parseScaled(s, bitrateScales())
	if err != nil {
		return 0, fmt.Errorf("%q is no bitrate such as 900k, 2.5M or 6Mbps", s)
	}
	return Bitrate(n), nil
}

func parseScaled(s string, scales []scale) (int64, error) {
	if s == "0" {
		return 0, nil
	}
	for _, u := range scales {
		number, ok := strings.CutSuffix(s, u.unit)
		if !ok {
			continue
		}
		number = strings.TrimSuffix(number, " ")
		if strings.Trim(number, "0123456789.") != "" {
			return 0, strconv.ErrSyntax // no signs, exponents, hexadecimal or infinity
		}
		f, err := strconv.ParseFloat(number, 64)
		if err != nil || f*float64(u.factor) >= math.MaxInt64 {
			return 0, strconv.ErrRange
		}
		return int64(math.Round(f * float64(u.factor))), nil
	}
	return 0, strconv.ErrSyntax
}

// String is the size in the largest unit that divides it: "64MiB".
func (b Bytes) String() string {
	for _, u := range byteScales() {
		if b != 0 && int64(b)%u.factor == 0 {
			return strconv.FormatInt(int64(b)/u.factor, 10) + u.unit
		}
	}
	return "0B"
}

// String is the rate in the largest unit of which it is at least one: "2.5M".
func (r Bitrate) String() string {
	for _, u := range []scale{{"G", 1e9}, {"M", 1e6}, {"k", 1e3}} {
		if int64(r) >= u.factor {
			return strconv.FormatFloat(float64(r)/float64(u.factor), 'f', -1, 64) + u.unit
		}
	}
	return strconv.FormatInt(int64(r), 10) + "bps"
}

// MarshalText is String.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// MarshalText is String.
func (r Bitrate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is ParseBytes.
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = ParseBytes(string(text))
	return err
}

// UnmarshalText is ParseBitrate.
func (r *Bitrate) UnmarshalText(text []byte) (err error) {
	*r, err = ParseBitrate(string(text))
	return err
}

// FormatDuration is d as a configuration writes it: "2h" where String says "2h0m0s".
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
