package wire

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
	"time"

	"weir/pipeline/media"
)

// Whatever a Reader makes of foreign bytes can be written, and is read the same again.
func FuzzReader(f *testing.F) {
	all := conversation()
	f.Add(encode(f, all))
	for _, m := range all[1:] {
		if _, unit := m.(Unit); !unit {
			f.Add(encode(f, []Message{all[0], m}))
		}
	}
	f.Add(encode(f, all[:1]))
	f.Fuzz(func(t *testing.T, b []byte) {
		var ms []Message
		r := NewReader(bytes.NewReader(b))
		for {
			m, err := r.Read()
			if err != nil {
				break
			}
			ms = append(ms, m)
		}
		var again bytes.Buffer
		w := NewWriter(&again)
		for _, m := range ms {
			if err := w.Write(m); err != nil && !errors.Is(err, ErrTooLarge) {
				t.Fatalf("%+v was read and cannot be written: %v", m, err)
			} else if err != nil {
				return // JSON may be longer when it is written by us
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if got := decode(t, &again); !reflect.DeepEqual(got, ms) {
			t.Fatalf("%+v\nbecame %+v", ms, got)
		}
	})
}

// Every unit that may be sent arrives as it was.
func FuzzWriter(f *testing.F) {
	f.Add(uint8(0), int8(0), uint8(1), int64(3000), int64(0), int64(0), int64(1), []byte{6, 1, 2}, uint8(2))
	f.Add(uint8(1), int8(0), uint8(0), int64(-1), int64(-1), int64(-5), int64(0), []byte{1}, uint8(0))
	f.Fuzz(func(t *testing.T, track uint8, layer int8, flags uint8, pts, dts, capture, arrived int64, payload []byte, cut uint8) {
		s := set()
		u := &media.Unit{
			Track: s.Tracks[int(track)%len(s.Tracks)], Flags: media.Flags(flags),
			PTS: media.Ticks(max(pts, dts)), DTS: media.Ticks(dts),
			Capture: at(capture), Arrived: at(arrived),
		}
		if n := int8(len(u.Track.Layers)); n > 0 {
			u.Layer = (layer%n + n) % n
		}
		for size := int(cut) + 1; len(payload) > 0; {
			n := min(size, len(payload))
			u.Access, payload = append(u.Access, payload[:n:n]), payload[n:]
		}
		want := []Message{Hello{Version}, Tracks{s}, Unit{u}}
		var b bytes.Buffer
		w := NewWriter(&b)
		for _, m := range want {
			if err := w.Write(m); errors.Is(err, ErrTooLarge) {
				return
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if got := decode(t, io.MultiReader(&b)); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v became %+v", want, got)
		}
	})
}

func at(ns int64) time.Time { return moment(ns) }
