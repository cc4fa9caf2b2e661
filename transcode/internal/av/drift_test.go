//go:build libav && cgo

package av

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// clicks is sound with a click each second, coded.
func clicks(t testing.TB, codec media.Codec, length time.Duration) clip {
	t.Helper()
	e, err := newSoundEncoder(wire.Audio{Codec: wire.Codec(codec), Bitrate: 96_000}, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	track, err := e.track(&media.Track{ID: "audio"})
	if err != nil {
		t.Fatal(err)
	}
	c := clip{set: &media.TrackSet{Version: 1, Tracks: []*media.Track{track}}}
	f := astiav.AllocFrame()
	defer f.Free()
	f.SetSampleFormat(e.format)
	f.SetChannelLayout(e.layout)
	f.SetSampleRate(int(soundRate))
	f.SetNbSamples(e.size)
	if err := f.AllocBuffer(0); err != nil {
		t.Fatal(err)
	}
	for n := int64(0); n < int64(soundRate.Ticks(length)); n += int64(e.size) {
		if err := f.MakeWritable(); err != nil {
			t.Fatal(err)
		}
		tone(f, n)
		if err := e.encode(f, func(data []byte, pts media.Ticks) error {
			if pts < 0 {
				return nil
			}
			c.units = append(c.units, &media.Unit{Track: track, PTS: pts, DTS: pts, Flags: media.Key | media.FrameEnd, Access: [][]byte{data}})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// clocked is the sound of a clock that is ppm too fast or slow, with timestamps of the
// true time in milliseconds, as RTMP has them.
func (c clip) clocked(ppm int64) clip {
	out := clip{set: c.set}
	for _, u := range c.units {
		v := *u
		at := u.PTS + u.PTS*media.Ticks(ppm)/1_000_000
		v.PTS = media.Rescale(media.Rescale(at, soundRate, media.MilliRate), media.MilliRate, soundRate)
		v.DTS = v.PTS
		out.units = append(out.units, &v)
	}
	return out
}

// heard are the times of the clicks in units, in ticks of soundRate. The decoder's own
// delay is what the encoder's padding makes up for.
func heard(t testing.TB, track *media.Track, units []*media.Unit) (at []media.Ticks) {
	t.Helper()
	quiet := media.Ticks(math.MinInt64 / 2)
	decodeAll(t, track, 0, units, func(f *astiav.Frame) {
		b, err := f.Data().Bytes(1)
		if err != nil {
			t.Fatal(err)
		}
		step := 4
		if f.SampleFormat() == astiav.SampleFormatFlt {
			step *= f.ChannelLayout().Channels()
		}
		for i := 0; i < f.NbSamples(); i += 4 { // 4 samples are 83 µs
			v := float64(math.Float32frombits(binary.LittleEndian.Uint32(b[step*i:])))
			if now := media.Ticks(f.Pts()) + media.Ticks(i); math.Abs(v) > 0.4 {
				if now-quiet > 4800 {
					at = append(at, now)
				}
				quiet = now
			}
		}
	})
	return at
}

// apart is for how long clocks go apart, and by how many parts in a million: ten minutes
// by 200 with WEIR_SOAK=1, and else a fifth of that, to as much in the end.
func apart() (length time.Duration, ppm int64) {
	if os.Getenv("WEIR_SOAK") != "" {
		return 10 * time.Minute, 200
	}
	return 2 * time.Minute, 1000
}

// Sound stays on the source's timestamps for ten minutes, whatever the source's clock.
func TestNoDrift(t *testing.T) {
	length, off := apart()
	sound := clicks(t, media.CodecAAC, length)
	for _, ppm := range []int64{0, off, -off} {
		t.Run(fmt.Sprintf("%d ppm", ppm), func(t *testing.T) {
			t.Parallel()
			c := sound.clocked(ppm)
			r := run(t, wire.Job{Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus)}}, c.messages()...)
			at := heard(t, r.track(t, media.KindAudio), r.units)
			if want := int(length.Seconds()); len(at) < want-1 || len(at) > want+1 {
				t.Fatalf("%d clicks", len(at))
			}
			var worst media.Ticks
			begun := len(at) - int(length.Seconds()) + 10
			for i, got := range at[begun:] {
				n := media.Ticks(i+begun) * media.Ticks(soundRate)
				if len(at) == int(length.Seconds())-1 {
					n += media.Ticks(soundRate) // the first was cut off with the encoder's delay
				}
				want := n + n*media.Ticks(ppm)/1_000_000
				if d := got - want; max(d, -d) > max(worst, -worst) {
					worst = d
				}
			}
			t.Logf("at most %v", soundRate.Duration(worst))
			if d := soundRate.Duration(worst); d.Abs() > 3*time.Millisecond {
				t.Errorf("a click is %v off", d)
			}
			last := r.units[len(r.units)-1]
			if end := c.units[len(c.units)-1].PTS - last.PTS; max(end, -end) > 4800 {
				t.Errorf("the end is %v off", soundRate.Duration(end))
			}
		})
	}
}

// Gaps are filled with silence up to two seconds; beyond, the output jumps.
func TestGaps(t *testing.T) {
	c := clicks(t, media.CodecAAC, 20*time.Second).clocked(0)
	var units []*media.Unit
	for _, u := range c.units {
		at := u.Time()
		if at > 4200*time.Millisecond && at < 4800*time.Millisecond || at > 8200*time.Millisecond && at < 9700*time.Millisecond {
			continue
		}
		if v := *u; at >= 15200*time.Millisecond {
			v.PTS += 3600 * 48_000
			v.DTS = v.PTS
			units = append(units, &v)
		} else {
			units = append(units, u)
		}
	}
	c.units = units
	r := run(t, wire.Job{Audio: &wire.Audio{Codec: wire.Codec(media.CodecAAC)}}, c.messages()...)
	at := heard(t, r.track(t, media.KindAudio), r.units)
	for _, got := range at {
		if off := (got + 24_000) % 48_000; off < 24_000-150 || off > 24_000+150 {
			t.Errorf("a click at %v", soundRate.Duration(got))
		}
	}
	jumps := 0
	for i, u := range r.units[1:] {
		if d := u.PTS - r.units[i].PTS; d != 1024 {
			jumps++
			if !u.Flags.Has(media.Gap) || d < 3590*48_000 {
				t.Errorf("%v between units at %v", soundRate.Duration(d), u.Time())
			}
		}
	}
	if jumps != 1 || len(at) < 17 {
		t.Errorf("%d jumps, %d clicks", jumps, len(at))
	}
}
