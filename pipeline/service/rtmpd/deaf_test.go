package rtmpd

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
)

// pipe fails as sockets do.
type pipe struct{ net.Conn }

func (p pipe) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if errors.Is(err, io.ErrClosedPipe) {
		err = net.ErrClosed
	}
	return n, err
}

func (p pipe) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	if errors.Is(err, io.ErrClosedPipe) {
		err = net.ErrClosed
	}
	return n, err
}

// A server that takes the connection and says nothing.
func TestDeafServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		_, err := Dial(t.Context(), "rtmp://host/app/name", DialOptions{
			Dial: func(context.Context, string, string) (net.Conn, error) { return pipe{here}, nil },
		})
		var d *DialError
		if !errors.As(err, &d) || d.Step != StepHandshake || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
