package rtmpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// DialOptions are the optional settings of Dial.
type DialOptions struct {
	// Name is the stream's name, or key, where it is not part of the URL: all of the
	// URL's path and query are the app then.
	Name string
	// TLS is used for rtmps URLs; nil means the system's roots. ServerName is
	// filled in.
	TLS *tls.Config
	// ChunkSize is the size of our chunks in bytes. Default 4096.
	ChunkSize int
	// Dial opens the TCP connection; nil means a plain net.Dialer. It is the place
	// for rules about addresses.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Write is the time that writing one message may take. Default 5 s.
	Write time.Duration
	// Prompt lets little wait in the system: Write takes as long as the way does, so
	// that what is late can still be left out.
	Prompt bool
	// Encoder is what we call ourselves (flashVer). Default "weir".
	Encoder string
}

// Client is a publishing session. Its methods may be called by any goroutine, but
// Append and Flush by one at a time.
type Client struct {
	link   *link
	raw    net.Conn // the socket beneath
	name   string
	stream uint32
	takes  capabilities
	out    []byte        // what was appended and not flushed
	done   chan struct{} // closed when the reading goroutine has ended

	mu  sync.Mutex
	err error // the first
}

// Dial publishes to an rtmp or rtmps URL: "rtmp://host/app/name?key=K". It
// returns when the server has accepted, or fails when ctx ends or one step takes too
// long. Its errors are [*DialError]s around, for a server's refusal, a
// *[StatusError], and hold no part of the URL but the host.
func Dial(ctx context.Context, rawURL string, o DialOptions) (*Client, error) {
	t, err := parseTarget(rawURL, o.Name)
	if err != nil {
		return nil, err
	}
	conn, raw, err := t.open(ctx, &o)
	if err != nil {
		return nil, err
	}
	lim := answering(o.Write)
	c := &Client{link: newLink(conn, &lim), raw: raw, name: t.name, done: make(chan struct{})}
	if err := t.step(ctx, StepPublish, raw, func(ctx context.Context) error { return c.publish(ctx, t, &o) }); err != nil {
		_ = raw.Close()
		return nil, err
	}
	go c.listen()
	return c, nil
}

// answering are the limits for a server, which has little to say to a publisher.
func answering(write time.Duration) Limits {
	return Limits{Write: write, Video: 64 << 10, Audio: 64 << 10, Partial: 256 << 10}.withDefaults()
}

// publish takes the new connection through connect, createStream and publish.
func (c *Client) publish(ctx context.Context, t *target, o *DialOptions) error {
	orDefault(&o.ChunkSize, 4096)
	if o.Encoder == "" {
		o.Encoder = "weir"
	}
	if d, ok := ctx.Deadline(); ok {
		if err := c.link.conn.SetReadDeadline(d); err != nil {
			return err
		}
	}
	if err := c.link.setChunkSize(min(o.ChunkSize, maxChunkSize)); err != nil {
		return err
	}
	if err := c.negotiate(t, o.Encoder); err != nil {
		return err
	}
	return c.link.conn.SetReadDeadline(time.Time{})
}

// listen hears the server until the connection ends.
func (c *Client) listen() {
	defer close(c.done)
	for {
		if _, err := c.hear(); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) { // Write and Close set one, and know more
				_ = c.fail(unexpected(err))
			}
			_ = c.link.conn.Close()
			return
		}
	}
}

// fail keeps the first error.
func (c *Client) fail(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	return c.err
}

// Err is the first error of the session, such as a *[StatusError] with which the
// server ended it; nil as long as it is well.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Done is closed when the session has ended, by either side.
func (c *Client) Done() <-chan struct{} { return c.done }

// Write sends a message; it does not keep the payload. After the first error the
// session is over, and Write only repeats it.
func (c *Client) Write(m Message) error {
	w, err := c.wrap(m)
	if err != nil {
		return err
	}
	return c.written(c.link.write(w))
}

// Append adds a message to what Flush sends; it does not keep the payload.
func (c *Client) Append(m Message) error {
	w, err := c.wrap(m)
	if err == nil {
		c.out = appendChunks(c.out, &w, c.link.chunkSize)
	}
	return err
}

// Pending is how many bytes Flush would send.
func (c *Client) Pending() int { return len(c.out) }

// Flush sends what was appended, all at once. Its errors are those of Write.
func (c *Client) Flush() error {
	if err := c.Err(); err != nil || len(c.out) == 0 {
		return err
	}
	err := c.link.writeBytes(c.out)
	if c.out = c.out[:0]; cap(c.out) > 2*eager {
		c.out = nil
	}
	return c.written(err)
}

// wrap gives a message its place on the wire: one chunk stream per type, as encoders
// have them.
func (c *Client) wrap(m Message) (message, error) {
	if err := c.Err(); err != nil {
		return message{}, err
	}
	if len(m.Payload) > maxChunkSize {
		return message{}, c.fail(fmt.Errorf("message of %d bytes is too long for RTMP", len(m.Payload)))
	}
	chunk := uint32(4)
	switch m.Type {
	case TypeVideo:
		chunk = 6
	case TypeData:
		chunk = 5
	}
	return message{typ: m.Type, chunk: chunk, stream: c.stream, timestamp: m.Timestamp, payload: m.Payload}, nil
}

// written is the session's error behind a write.
func (c *Client) written(err error) error {
	if err == nil {
		return nil
	}
	// The server's last words, if any, say more than our "broken pipe".
	_ = c.link.conn.SetReadDeadline(time.Now().Add(farewell))
	<-c.done
	return c.fail(err)
}

// Abort ends the session at once, without a word to the server: why is its error if
// it has none yet. A Write that is under way returns.
func (c *Client) Abort(why error) {
	_ = c.fail(why)
	_ = c.raw.Close()
	<-c.done
}

// Close tells the server that the publish ends, closes the connection and waits
// until it is closed. It returns nil also if the server ended the session before.
func (c *Client) Close() error {
	_ = c.fail(net.ErrClosed)
	c.link.hurry(farewell)
	_ = c.send(3, 0, "FCUnpublish", 6, nil, c.name)
	_ = c.send(3, 0, "deleteStream", 7, nil, float64(c.stream))
	if half, ok := c.link.conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_ = c.link.conn.SetReadDeadline(time.Now().Add(lingerTime))
		<-c.done
	}
	_ = c.link.conn.Close()
	<-c.done
	return nil
}
