//go:build libav && cgo

package av

import (
	"bytes"
	"errors"
	"testing"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// talk is what a server might say, as bytes.
func talk(t testing.TB, c clip, job wire.Job) []byte {
	t.Helper()
	var b bytes.Buffer
	w := wire.NewWriter(&b)
	job.Version = wire.Version
	for _, m := range append([]wire.Message{wire.Hello{Version: wire.Version}, job}, c.messages()...) {
		if err := w.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Whatever the protocol lets through, an engine handles: what it makes is well formed,
// and all it has opened is closed.
func FuzzEngine(f *testing.F) {
	short := func(name string) clip {
		c := readClip(f, name)
		c.units = c.units[:8]
		return c
	}
	both := wire.Job{Video: ladder(1000, wire.Layer{Name: "a"}, wire.Layer{Name: "b", Width: 64, FPS: 10}), Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus)}}
	f.Add(talk(f, short("h264-bframes-aac.mp4"), both))
	f.Add(talk(f, short("h265-aac.mp4"), wire.Job{Video: keepSize(media.CodecH264)}))
	f.Add(talk(f, short("av1-opus.mp4"), wire.Job{Audio: &wire.Audio{Codec: wire.Codec(media.CodecAAC), Channels: 1}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		in, r := wire.NewReader(bytes.NewReader(b)), &result{}
		var e *Engine
		for {
			m, err := in.Read()
			if err != nil {
				break
			}
			if job, ok := m.(wire.Job); ok && e == nil {
				if large(job) {
					return
				}
				if e, err = New(job, r.take); err != nil {
					return
				}
				defer e.Close()
			} else if e != nil && e.Handle(m) != nil {
				return
			}
		}
		if e == nil {
			return
		}
		if err := e.End(); err != nil && errors.Is(err, errDamaged) {
			t.Errorf("damage in the source ends the job: %v", err)
		}
		r.check(t)
	})
}

// large says whether a job would only take long.
func large(job wire.Job) bool {
	if job.Video == nil {
		return false
	}
	for _, l := range job.Video.Layers {
		if l.Width > 640 || l.Height > 640 {
			return true
		}
	}
	return len(job.Video.Layers) > 3
}
