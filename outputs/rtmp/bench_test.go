package rtmp

import (
	"testing"

	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
	"weir/pipeline/stagetest"
)

// copying is a pen that does what a client does, but for the system.
type copying struct{ out []byte }

func (c *copying) Append(m rtmpd.Message) error {
	c.out = append(c.out[:0], m.Payload...)
	return nil
}

func (*copying) Flush() error                    { return nil }
func (*copying) Err() error                      { return nil }
func (*copying) Takes(string) (takes, said bool) { return true, false }

// BenchmarkWriter is what each push does by itself with a picture of 10 kB before the
// system has it.
func BenchmarkWriter(b *testing.B) {
	w := writer{pen: new(copying)}
	u := &media.Unit{Track: stagetest.VideoTrack(), Access: [][]byte{make([]byte, 10_000)}}
	for b.Loop() {
		if err := w.unit(u); err != nil {
			b.Fatal(err)
		}
	}
}
