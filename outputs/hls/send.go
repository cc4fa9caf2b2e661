package hls

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"weir/pipeline/service/httpd"
)

// How long caches may keep things. A segment's content never changes. A media
// playlist that was waited for is the answer to exactly that request for ever, but
// nobody asks again, so caches that join requests need it only for a moment; one
// that was not waited for is old with the next part.
const (
	immutableCaching = "public, max-age=31536000, immutable"
	blockedCaching   = "public, max-age=6"
	liveCaching      = "no-cache"
	endedCaching     = "public, max-age=5"
	indexCaching     = "public, max-age=1"
)

func mediaCaching(s *snapshot, q query) string {
	switch {
	case s.ended:
		return endedCaching
	case q.block:
		return blockedCaching
	default:
		return liveCaching
	}
}

// sendPlaylist answers with a playlist, compressed if the client wants that.
func sendPlaylist(w http.ResponseWriter, a *wait, b *body, caching string) {
	h, r := w.Header(), a.r
	data := b.plain
	if a.guest.private {
		caching = strings.Replace(caching, "public", "private", 1)
	}
	h.Set("Content-Type", "application/vnd.apple.mpegurl")
	h.Set("Cache-Control", caching)
	h.Set("Vary", "Accept-Encoding")
	switch {
	case a.guest.carry != "":
		data = carried(data, a.guest.carry) // for one player: not worth compressing
	case httpd.AcceptsGzip(r.Header):
		data = b.zip()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(data) // a client that has gone needs no answer
	}
}

func contentType(leaf string) string {
	if strings.HasSuffix(leaf, tsExt) {
		return "video/mp2t"
	}
	return "video/mp4"
}

// forever sets the headers of something whose content never changes.
func forever(h http.Header, leaf string) {
	h.Set("Content-Type", contentType(leaf))
	h.Set("Cache-Control", immutableCaching)
}

// send answers with content from memory.
func send(w http.ResponseWriter, r *http.Request, leaf string, c content) {
	h := w.Header()
	forever(h, leaf)
	if r.Header.Get("Range") != "" {
		// The name is as good as a hash of the content.
		h.Set("ETag", strconv.Quote(leaf))
		http.ServeContent(w, r, "", time.Time{}, c.reader())
		return
	}
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.FormatInt(c.size(), 10))
	if r.Method == http.MethodHead {
		return
	}
	for _, piece := range c {
		if _, err := w.Write(piece.data()); err != nil {
			return // the client has gone
		}
	}
}

// sendFile answers with content from the window's files.
func sendFile(w http.ResponseWriter, r *http.Request, leaf string, a *archive) error {
	if a == nil {
		return errNotHere
	}
	f, err := a.open(leaf)
	if err != nil {
		return errNotHere // it has just left the window
	}
	defer f.Close()
	forever(w.Header(), leaf)
	w.Header().Set("ETag", strconv.Quote(leaf))
	http.ServeContent(w, r, "", time.Time{}, f)
	return nil
}

func (c content) size() int64 {
	var n int64
	for _, piece := range c {
		n += int64(piece.size)
	}
	return n
}

func (c content) reader() *pieces { return &pieces{content: c, size: c.size()} }

// pieces reads and seeks in content.
type pieces struct {
	content content
	size    int64
	at      int64
}

var errSeek = errors.New("seek before the start")

// Seek implements io.Seeker.
func (p *pieces) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.at
	case io.SeekEnd:
		offset += p.size
	}
	if offset < 0 {
		return p.at, errSeek
	}
	p.at = offset
	return p.at, nil
}

// Read implements io.Reader.
func (p *pieces) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	skip := p.at
	for _, piece := range p.content {
		if skip < int64(piece.size) {
			n := copy(b, piece.data()[skip:])
			p.at += int64(n)
			return n, nil
		}
		skip -= int64(piece.size)
	}
	return 0, io.EOF
}
