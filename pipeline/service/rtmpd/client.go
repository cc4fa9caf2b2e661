package rtmpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// DialOptions are the optional settings of Dial.
type DialOptions struct {
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
	// Encoder is what we call ourselves (flashVer). Default "weir".
	Encoder string
}

// Client is a publishing session. Its methods may be called by any goroutine.
type Client struct {
	link   *link
	name   string
	stream uint32
	done   chan struct{} // closed when the reading goroutine has ended

	mu  sync.Mutex
	err error // the first
}

// Dial publishes to an rtmp or rtmps URL: "rtmp://host/app/name?key=K". It
// returns when the server has accepted, or fails when ctx ends. A server's refusal
// is a *[StatusError]. Errors hold no part of the URL but the host.
func Dial(ctx context.Context, rawURL string, o DialOptions) (*Client, error) {
	t, err := parseTarget(rawURL)
	if err != nil {
		return nil, err
	}
	conn, err := t.open(ctx, &o)
	if err != nil {
		return nil, fmt.Errorf("publish to %s: %w", t.address, err)
	}
	c, err := publish(ctx, conn, t, &o)
	if err != nil {
		_ = conn.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("publish to %s: %w", t.address, err)
	}
	return c, nil
}

// target is where to publish.
type target struct {
	secure           bool
	address, host    string
	tcURL, app, name string
}

// parseTarget splits a URL as publishers do: the last segment and the query are
// the stream's name, what precedes it is the app.
func parseTarget(rawURL string) (*target, error) {
	u, err := url.Parse(rawURL)
	if err != nil || (u.Scheme != "rtmp" && u.Scheme != "rtmps") || u.Hostname() == "" {
		return nil, errors.New("not an rtmp:// or rtmps:// URL") // the parser's error would quote the key
	}
	t := &target{secure: u.Scheme == "rtmps", host: u.Hostname()}
	port := u.Port()
	if port == "" {
		port = map[bool]string{false: "1935", true: "443"}[t.secure]
	}
	t.address = net.JoinHostPort(t.host, port)
	path := strings.Trim(u.EscapedPath(), "/")
	t.name = path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		t.app, t.name = path[:i], path[i+1:]
	}
	if u.RawQuery != "" {
		t.name += "?" + u.RawQuery
	}
	t.tcURL = u.Scheme + "://" + u.Host + "/" + t.app
	return t, nil
}

// open connects and shakes hands.
func (t *target) open(ctx context.Context, o *DialOptions) (net.Conn, error) {
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, "tcp", t.address)
	if err != nil {
		return nil, err
	}
	if t.secure {
		conf := &tls.Config{MinVersion: tls.VersionTLS12}
		if o.TLS != nil {
			conf = o.TLS.Clone()
		}
		if conf.ServerName == "" {
			conf.ServerName = t.host
		}
		conn = tls.Client(conn, conf)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if d, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(d); err != nil {
			return nil, err
		}
	}
	if err := offerHandshake(conn); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("handshake: %w", err)
	}
	return conn, nil
}

// publish takes the new connection through connect, createStream and publish, and
// starts the goroutine that listens to the server from then on.
func publish(ctx context.Context, conn net.Conn, t *target, o *DialOptions) (*Client, error) {
	lim := Limits{Write: o.Write}.withDefaults()
	c := &Client{link: newLink(conn, &lim), name: t.name, done: make(chan struct{})}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	orDefault(&o.ChunkSize, 4096)
	if o.Encoder == "" {
		o.Encoder = "weir"
	}
	if err := c.link.setChunkSize(min(o.ChunkSize, maxChunkSize)); err != nil {
		return nil, err
	}
	if err := c.negotiate(t, o.Encoder); err != nil {
		return nil, err
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	go c.listen()
	return c, nil
}

// negotiate is the exchange of commands up to the server's consent.
func (c *Client) negotiate(t *target, encoder string) error {
	err := c.send(3, 0, "connect", 1, Object{
		{"app", t.app},
		{"type", "nonprivate"},
		{"flashVer", encoder},
		{"tcUrl", t.tcURL},
		{"fourCcList", []any{"avc1", "hvc1", "av01", "mp4a", "Opus"}},
	})
	if err != nil {
		return err
	}
	if _, err := c.await(1); err != nil {
		return err
	}
	if err := c.send(3, 0, "releaseStream", 2, nil, t.name); err != nil {
		return err
	}
	if err := c.send(3, 0, "FCPublish", 3, nil, t.name); err != nil {
		return err
	}
	if err := c.send(3, 0, "createStream", 4, nil); err != nil {
		return err
	}
	created, err := c.await(4)
	if err != nil {
		return err
	}
	c.stream = uint32(max(0, created.number(1)))
	if err := c.send(4, c.stream, "publish", 5, nil, t.name, "live"); err != nil {
		return err
	}
	_, err = c.await(0)
	return err
}

// send writes a command.
func (c *Client) send(chunk, stream uint32, name string, values ...any) error {
	body := appendAMF0(appendAMF0(nil, name), values...)
	return c.link.write(message{typ: typeCommand, chunk: chunk, stream: stream, payload: body})
}

// await reads until the answer to a transaction, or with 0 until the status that
// accepts a publish. Every refusal on the way is an error.
func (c *Client) await(transaction float64) (*command, error) {
	for {
		cmd, err := c.hear()
		switch {
		case err != nil:
			return nil, unexpected(err)
		case cmd == nil:
		case cmd.name == "onStatus":
			if transaction == 0 && statusOf(cmd).Code == CodeStart {
				return cmd, nil
			}
		case cmd.transaction != transaction || transaction == 0:
		case cmd.name == "_result":
			return cmd, nil
		case cmd.name == "_error":
			return nil, statusOf(cmd)
		}
	}
}

// hear reads one message. It returns a command, nil for anything else, or an
// error; a status of level error is one.
func (c *Client) hear() (*command, error) {
	m, err := c.link.read()
	if err != nil {
		return nil, err
	}
	if m.typ != typeCommand {
		return nil, nil //nolint:nilnil // nothing of interest, nothing wrong
	}
	cmd, err := parseCommand(&m)
	if err != nil || cmd.name != "onStatus" {
		return cmd, err
	}
	if s := statusOf(cmd); s.Code == CodeUnpublish || infoOf(cmd).Get("level") == "error" {
		return nil, s
	}
	return cmd, nil
}

// infoOf is the information object of an answer: the last argument.
func infoOf(cmd *command) Object {
	if len(cmd.args) == 0 {
		return nil
	}
	o, _ := cmd.args[len(cmd.args)-1].(Object)
	return o
}

// statusOf is the server's words in an answer.
func statusOf(cmd *command) *StatusError {
	o := infoOf(cmd)
	s := &StatusError{Code: cmd.name, Text: "the server refused without a word"}
	if v, _ := o.Get("code").(string); v != "" {
		s.Code = v[:min(len(v), 256)]
	}
	if v, _ := o.Get("description").(string); v != "" {
		s.Text = v[:min(len(v), 256)]
	}
	return s
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
	if err := c.Err(); err != nil {
		return err
	}
	chunk := uint32(4) // one chunk stream per type, as encoders do
	switch m.Type {
	case TypeVideo:
		chunk = 6
	case TypeData:
		chunk = 5
	}
	if len(m.Payload) > maxChunkSize {
		return c.fail(fmt.Errorf("message of %d bytes is too long for RTMP", len(m.Payload)))
	}
	err := c.link.write(message{typ: m.Type, chunk: chunk, stream: c.stream, timestamp: m.Timestamp, payload: m.Payload})
	if err == nil {
		return nil
	}
	// The server's last words, if any, say more than our "broken pipe".
	_ = c.link.conn.SetReadDeadline(time.Now().Add(farewell))
	<-c.done
	return c.fail(err)
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
