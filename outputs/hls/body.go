package hls

import (
	"bytes"
	"compress/gzip"
	"sync"
)

// body is a playlist that is rendered and compressed once, when it is asked for.
type body struct {
	rendering, zipping sync.Once
	plain, zipped      []byte
}

// render makes sure that plain is there; f makes it.
func (b *body) render(f func() []byte) {
	b.rendering.Do(func() { b.plain = f() })
}

// zip is the rendered playlist in gzip format.
func (b *body) zip() []byte {
	b.zipping.Do(func() {
		var buf bytes.Buffer
		w, _ := gzip.NewWriterLevel(&buf, gzip.BestSpeed) // the level is a valid one
		_, _ = w.Write(b.plain)                           // a Buffer takes everything
		_ = w.Close()
		b.zipped = buf.Bytes()
	})
	return b.zipped
}

// playlist is the snapshot's media playlist, as a delta update if delta.
func (s *snapshot) playlist(delta bool) *body {
	b := &s.plain
	if delta && s.skippable(s.listed()) > 0 {
		b = &s.delta
	}
	b.render(func() []byte { return s.media(b == &s.delta) })
	return b
}
