//go:build libav && cgo

package process

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"weir/transcode/internal/av"
	"weir/transcode/wire"
)

// writer is the worker's side of the conversation. It is safe for concurrent use.
type writer struct {
	mu  sync.Mutex // guards out
	out *wire.Writer
}

func (w *writer) send(m wire.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.out.Write(m); err != nil {
		if errors.Is(err, wire.ErrTooLarge) {
			return nil // the unit is lost, as one that is too late would be
		}
		return err
	}
	return w.out.Flush()
}

// Capabilities is what this build can do. build is the release of Weir.
func Capabilities(build string) wire.Capabilities { return av.Capabilities(build) }

// Serve does the one job that comes through c, until the job or the connection ends.
// It is called once in a process, since libav has one log.
func Serve(c net.Conn) error {
	in, out := wire.NewReader(c), &writer{out: wire.NewWriter(c)}
	if err := out.send(wire.Hello{Version: wire.Version}); err != nil {
		return err
	}
	av.AvoidGathers()
	stop := av.LogTo(func(l wire.Log) { _ = out.send(l) })
	defer stop()
	job, err := readJob(in)
	if err != nil {
		return err
	}
	engine, err := av.New(job, out.send)
	if err != nil {
		return out.send(wire.End{Error: err.Error()})
	}
	defer engine.Close()
	ended := make(chan struct{})
	defer close(ended)
	go report(engine, out, ended)
	return converse(engine, in, out)
}

func readJob(in *wire.Reader) (wire.Job, error) {
	for {
		m, err := in.Read()
		if err != nil {
			return wire.Job{}, err
		}
		switch m := m.(type) {
		case wire.Hello:
		case wire.Job:
			return m, nil
		default:
			return wire.Job{}, fmt.Errorf("the server began with a %T and not with a job", m)
		}
	}
}

// converse hands on what the server says, to the end.
func converse(engine *av.Engine, in *wire.Reader, out *writer) error {
	for {
		m, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil // the server is gone
		}
		if err != nil {
			return err
		}
		if _, last := m.(wire.End); last {
			if err := engine.End(); err != nil {
				return out.send(wire.End{Error: err.Error()})
			}
			return out.send(wire.End{})
		}
		if err := engine.Handle(m); err != nil {
			return out.send(wire.End{Error: err.Error()})
		}
	}
}

// report says once a second what was done.
func report(engine *av.Engine, out *writer, ended <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			s := engine.Count()
			usage(&s)
			if out.send(s) != nil {
				return
			}
		}
	}
}
