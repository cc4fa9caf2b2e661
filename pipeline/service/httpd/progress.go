package httpd

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// piece is how many bytes are given one deadline.
const piece = 64 << 10

// progressWriter moves the write deadline along with the progress of a response.
// Each piece of up to 64 KiB has its own, so that a response may take as long as
// it likes, while a peer that takes less than Limits.MinRate loses the
// connection (HTTP/1.1) or the stream (HTTP/2).
type progressWriter struct {
	http.ResponseWriter
	ctl    *http.ResponseController
	limits *Limits
	slow   *atomic.Uint64 // counts deadlines that passed
	begun  bool           // the header is out of our hands
	status int            // of the answer; 0 before WriteHeader
}

// Unwrap is for http.ResponseController.
func (w *progressWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *progressWriter) WriteHeader(status int) {
	w.extend(0)
	w.begun = w.begun || status >= 200
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *progressWriter) Write(b []byte) (int, error) {
	w.begun = true
	total := 0
	for {
		p := b[:min(len(b), piece)]
		w.extend(len(p))
		n, err := w.ResponseWriter.Write(p)
		total += n
		if b = b[len(p):]; err != nil || len(b) == 0 {
			return total, w.note(err)
		}
	}
}

// ReadFrom keeps the kernel's way from a file to a socket, piece by piece.
func (w *progressWriter) ReadFrom(src io.Reader) (int64, error) {
	rf, ok := w.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{w}, src)
	}
	w.begun = true
	// One io.LimitedReader around a file is recognised by package net, two are not.
	left := int64(1<<63 - 1)
	if lr, ok := src.(*io.LimitedReader); ok {
		src, left = lr.R, lr.N
		defer func() { lr.N = left }()
	}
	var total int64
	for left > 0 {
		want := min(left, piece)
		w.extend(int(want))
		n, err := rf.ReadFrom(&io.LimitedReader{R: src, N: want})
		total, left = total+n, left-n
		if err != nil || n < want {
			return total, w.note(err)
		}
	}
	return total, nil
}

// Flush implements http.Flusher.
func (w *progressWriter) Flush() {
	w.begun = true
	w.extend(piece)
	_ = w.note(w.ctl.Flush())
}

// finish is called once the handler has returned: the server now writes what it
// has buffered, and the connection must not keep an old deadline.
func (w *progressWriter) finish() { w.extend(piece) }

// extend ignores the error: a writer without deadlines (in a handler's test) has
// no slow peer either.
func (w *progressWriter) extend(n int) {
	_ = w.ctl.SetWriteDeadline(time.Now().Add(w.limits.pieceTime(n)))
}

func (w *progressWriter) note(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.slow.Add(1)
	}
	return err
}

// timedBody gives a request's body a deadline as a whole and takes it away at the
// end, lest it should end the request that is then being answered.
type timedBody struct {
	io.ReadCloser
	ctl *http.ResponseController
}

func limitBody(w *progressWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	w.extend(0) // for a "100 Continue"
	_ = w.ctl.SetReadDeadline(time.Now().Add(w.limits.Body))
	r.Body = &timedBody{http.MaxBytesReader(w, r.Body, w.limits.BodyBytes), w.ctl}
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.ctl.SetReadDeadline(time.Time{})
	}
	return n, err
}
