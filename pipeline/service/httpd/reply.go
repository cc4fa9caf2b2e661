package httpd

import (
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reply writes the responses of one connection, one after the other (RFC 9112). It
// needs a Content-Length to keep the connection: without one, its end is the body's.
type reply struct {
	conn net.Conn
	tcp  *net.TCPConn // conn without what is around it, or nil

	header http.Header
	status int   // 0 until it is known
	sent   bool  // the head is out
	empty  bool  // by its method or status it has no body
	left   int64 // bytes of the body that are to come; -1 without a Content-Length
	err    error // the first that occurred; nothing is written behind it

	out   []byte    // the head, with a short body behind it
	names []string  // scratch
	vec   [2][]byte // scratch
	bufs  net.Buffers
}

// together is up to which size head and body are copied into one write.
const together = 4 << 10

// begin prepares for the next response, to a request of that method.
func (w *reply) begin(method string) {
	if w.header == nil {
		w.header = make(http.Header)
	}
	clear(w.header)
	w.status, w.sent, w.empty, w.left = 0, false, method == http.MethodHead, -1
}

// Header implements http.ResponseWriter.
func (w *reply) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. The head leaves with what follows.
func (w *reply) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	w.empty = w.empty || status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
	if n, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		w.left = n
	} else {
		w.header.Del("Content-Length")
	}
	w.out = w.appendHead(w.out[:0])
}

func (w *reply) appendHead(b []byte) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(w.status), 10)
	b = append(append(append(b, ' '), http.StatusText(w.status)...), "\r\nDate: "...)
	b = append(time.Now().UTC().AppendFormat(b, http.TimeFormat), "\r\n"...)
	if w.left < 0 && !w.empty {
		b = append(b, "Connection: close\r\n"...)
	}
	w.names = w.names[:0]
	for name := range w.header {
		w.names = append(w.names, name)
	}
	slices.Sort(w.names)
	for _, name := range w.names {
		for _, value := range w.header[name] {
			b = append(append(append(append(b, name...), ": "...), oneLine(value)...), "\r\n"...)
		}
	}
	return append(b, "\r\n"...)
}

// oneLine is a field's value without what would end it early.
func oneLine(value string) string {
	if strings.ContainsAny(value, "\r\n") {
		return strings.NewReplacer("\r", " ", "\n", " ").Replace(value)
	}
	return value
}

// Write implements http.ResponseWriter.
func (w *reply) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.err != nil || w.empty {
		return len(b), w.err
	}
	if w.left >= 0 {
		if int64(len(b)) > w.left {
			return 0, http.ErrContentLength
		}
		w.left -= int64(len(b))
	}
	if w.sent {
		return w.note(w.conn.Write(b))
	}
	w.sent = true
	if len(w.out)+len(b) <= together {
		w.out = append(w.out, b...)
		n, err := w.note(w.conn.Write(w.out))
		return max(0, n-len(w.out)+len(b)), err
	}
	if w.tcp == nil {
		if _, err := w.note(w.conn.Write(w.out)); err != nil {
			return 0, err
		}
		return w.note(w.conn.Write(b))
	}
	w.vec = [2][]byte{w.out, b}
	w.bufs = w.vec[:]
	n, err := w.bufs.WriteTo(w.tcp)
	w.vec[1] = nil
	k, err := w.note(int(n), err)
	return max(0, k-len(w.out)), err
}

// ReadFrom keeps the kernel's way from a file to a socket.
func (w *reply) ReadFrom(src io.Reader) (int64, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	rf, ok := w.conn.(io.ReaderFrom)
	if !ok || w.empty || w.left < 0 {
		return io.Copy(struct{ io.Writer }{w}, src)
	}
	if err := w.flush(); err != nil {
		return 0, err
	}
	n, err := rf.ReadFrom(src)
	w.left -= n
	if w.left < 0 && err == nil {
		err = http.ErrContentLength
	}
	_, err = w.note(0, err)
	return n, err
}

// SetWriteDeadline is for http.ResponseController.
func (w *reply) SetWriteDeadline(t time.Time) error { return w.conn.SetWriteDeadline(t) }

// flush sends the head, if it has not left yet.
func (w *reply) flush() error {
	if w.err == nil && !w.sent {
		w.sent = true
		_, _ = w.note(w.conn.Write(w.out))
	}
	return w.err
}

var errCutShort = errors.New("the response ends before its Content-Length")

// finish ends the response. After an error there can be no other one.
func (w *reply) finish() error {
	if w.status == 0 {
		if w.header.Get("Content-Length") == "" {
			w.header.Set("Content-Length", "0")
		}
		w.WriteHeader(http.StatusOK)
	}
	switch err := w.flush(); {
	case err != nil:
		return err
	case w.empty, w.left == 0:
		return nil
	case w.left < 0:
		return io.EOF // as announced
	default:
		return errCutShort
	}
}

func (w *reply) note(n int, err error) (int, error) {
	if w.err == nil {
		w.err = err
	}
	return n, err
}
