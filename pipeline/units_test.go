package pipeline

import (
	"testing"
	"time"
)

func TestBytes(t *testing.T) {
	for _, c := range []struct {
		text string
		want Bytes
		back string
	}{
		{"0", 0, "0B"},
		{"100B", 100, "100B"},
		{"64MiB", 64 << 20, "64MiB"},
		{"1.5GiB", 3 << 29, "1536MiB"},
		{"8MB", 8e6, "8MB"},
		{"2 kB", 2000, "2kB"},
		{"3KB", 3000, "3kB"},
		{"4TiB", 4 << 40, "4TiB"},
	} {
		got, err := ParseBytes(c.text)
		if err != nil || got != c.want || got.String() != c.back {
			t.Errorf("ParseBytes(%q) = %d (%s), %v; want %d (%s)", c.text, got, got, err, c.want, c.back)
		}
	}
	for _, bad := range []string{"", "12", "MiB", "-1MiB", "1e9B", "0x10B", "1..5MB", "9999999TiB", "infB", "5 apples", "1  B"} {
		if got, err := ParseBytes(bad); err == nil {
			t.Errorf("ParseBytes(%q) = %d, want an error", bad, got)
		}
	}
}

func TestBitrate(t *testing.T) {
	for _, c := range []struct {
		text string
		want Bitrate
		back string
	}{
		{"0", 0, "0bps"},
		{"900k", 900_000, "900k"},
		{"2.5M", 2_500_000, "2.5M"},
		{"6Mbps", 6_000_000, "6M"},
		{"500bps", 500, "500bps"},
		{"1G", 1_000_000_000, "1G"},
		{"1234567bps", 1234567, "1.234567M"},
	} {
		got, err := ParseBitrate(c.text)
		if err != nil || got != c.want || got.String() != c.back {
			t.Errorf("ParseBitrate(%q) = %d (%s), %v; want %d (%s)", c.text, got, got, err, c.want, c.back)
		}
		if again, err := ParseBitrate(got.String()); err != nil || again != got {
			t.Errorf("ParseBitrate(%q) = %d, %v; want %d", got, again, err, got)
		}
	}
	for _, bad := range []string{"", "900", "k", "-5M", "2,5M", "5m", "5MB", "1e30G"} {
		if got, err := ParseBitrate(bad); err == nil {
			t.Errorf("ParseBitrate(%q) = %d, want an error", bad, got)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"},
		{200 * time.Millisecond, "200ms"},
		{30 * time.Second, "30s"},
		{time.Minute, "1m"},
		{90 * time.Second, "1m30s"},
		{2 * time.Hour, "2h"},
		{150 * time.Minute, "2h30m"},
		{time.Hour + time.Second, "1h0m1s"},
	} {
		if got := FormatDuration(c.d); got != c.want {
			t.Errorf("%d: %s, want %s", c.d, got, c.want)
		}
	}
}
