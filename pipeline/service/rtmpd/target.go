package rtmpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// target is where to publish.
type target struct {
	secure           bool
	address, host    string
	tcURL, app, name string
}

// parseTarget splits a URL. With a name, all of the path and the query are the app,
// as encoders ask for a server and a key; without, the last segment and the query
// are the name.
func parseTarget(rawURL, name string) (*target, error) {
	u, err := url.Parse(rawURL)
	if err != nil || (u.Scheme != "rtmp" && u.Scheme != "rtmps") || u.Hostname() == "" {
		return nil, errors.New("not an rtmp:// or rtmps:// URL") // the parser's error would quote the key
	}
	t := &target{secure: u.Scheme == "rtmps", host: u.Hostname(), name: name}
	port := u.Port()
	if port == "" {
		port = map[bool]string{false: "1935", true: "443"}[t.secure]
	}
	t.address = net.JoinHostPort(t.host, port)
	query := ""
	if u.RawQuery != "" {
		query = "?" + u.RawQuery
	}
	t.app = strings.Trim(u.EscapedPath(), "/")
	if name != "" {
		t.app += query
	} else if i := strings.LastIndexByte(t.app, '/'); i >= 0 {
		t.app, t.name = t.app[:i], t.app[i+1:]+query
	} else {
		t.app, t.name = "", t.app+query
	}
	t.tcURL = u.Scheme + "://" + u.Host + "/" + t.app
	return t, nil
}

// Step is a part of the way to an accepted publish.
type Step uint8

// The steps, in their order.
const (
	StepConnect   Step = iota + 1 // the address and TCP
	StepTLS                       // for rtmps
	StepHandshake                 // of RTMP
	StepPublish                   // the commands up to the server's consent
)

// String is the step as an error has it.
func (s Step) String() string {
	switch s {
	case StepConnect:
		return "connect"
	case StepTLS:
		return "TLS"
	case StepHandshake:
		return "handshake"
	case StepPublish:
		return "publish"
	default:
		return "unknown"
	}
}

// DialError says where on the way a publish has failed.
type DialError struct {
	Step Step
	// Address is host:port.
	Address string
	Err     error
}

// Error names the host and the step.
func (e *DialError) Error() string {
	return fmt.Sprintf("publish to %s: %s: %v", e.Address, e.Step, e.Err)
}

// Unwrap is the cause.
func (e *DialError) Unwrap() error { return e.Err }

// stepTime is how long one step may take.
const stepTime = 10 * time.Second

// step does one step in its time. conn is closed if ctx ends before.
func (t *target) step(ctx context.Context, s Step, conn net.Conn, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	if conn != nil {
		defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	}
	err := do(ctx)
	if ctx.Err() != nil && (err == nil || errors.Is(err, net.ErrClosed)) {
		err = ctx.Err()
	}
	if err != nil {
		return &DialError{Step: s, Address: t.address, Err: err}
	}
	return nil
}

// open connects and shakes hands. raw is the socket beneath conn.
func (t *target) open(ctx context.Context, o *DialOptions) (conn, raw net.Conn, err error) {
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	err = t.step(ctx, StepConnect, nil, func(ctx context.Context) (err error) {
		raw, err = dial(ctx, "tcp", t.address)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	conn = raw
	setSending(raw, o.Prompt)
	if t.secure {
		conf := &tls.Config{MinVersion: tls.VersionTLS12}
		if o.TLS != nil {
			conf = o.TLS.Clone()
		}
		if conf.ServerName == "" {
			conf.ServerName = t.host
		}
		secure := tls.Client(raw, conf)
		conn, err = secure, t.step(ctx, StepTLS, raw, secure.HandshakeContext)
	}
	if err == nil {
		err = t.step(ctx, StepHandshake, raw, func(context.Context) error { return unexpected(offerHandshake(conn)) })
	}
	if err != nil {
		_ = raw.Close()
		return nil, nil, err
	}
	return conn, raw, nil
}
