package rtmpd

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// minute is what a publisher of 2.65 Mbit/s sends in 60 s at 30 pictures and 47
// AAC frames a second, on the wire, and the number of its messages.
func minute(chunkSize int) (wire []byte, messages int) {
	video, audio := make([]byte, 64<<10), make([]byte, 341)
	add := func(typ uint8, ts int, payload []byte) {
		wire = appendChunks(wire, &message{typ: typ, chunk: uint32(typ), stream: 1, timestamp: uint32(ts), payload: payload}, chunkSize)
		messages++
	}
	sound := 0
	for i := range 1800 {
		n := 9_300
		if i%60 == 0 {
			n = 52_000
		}
		ts := i * 1000 / 30
		for ; sound*1024/48 <= ts; sound++ {
			add(TypeAudio, sound*1024/48, audio)
		}
		add(TypeVideo, ts, video[:n])
	}
	return wire, messages
}

// threadCPU is the CPU time of the calling thread, user and system.
func threadCPU(b *testing.B) time.Duration {
	b.Helper()
	const rusageThread = 1
	var u syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &u); err != nil {
		b.Skip(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkGuard measures one message of a usual stream at three depths, so that
// the costs can be subtracted: "chunks" is the chunk reader alone, "guard" is
// Publisher.Recv on the same bytes in memory, "ingest" is Recv on a TCP connection
// with the kernel's part, in cpu-ns/op of the receiving thread.
func BenchmarkGuard(b *testing.B) {
	for _, size := range []int{128, 4096} {
		wire, messages := minute(size)
		b.Run(fmt.Sprintf("chunks/chunk=%d", size), func(b *testing.B) { benchChunks(b, size, wire, messages) })
		b.Run(fmt.Sprintf("guard/chunk=%d", size), func(b *testing.B) { benchGuard(b, size, wire, messages) })
		b.Run(fmt.Sprintf("ingest/chunk=%d", size), func(b *testing.B) { benchIngest(b, size, wire, messages) })
	}
}

// loop plays a wire again and again.
type loop struct {
	tape
	wire []byte
}

func (l *loop) Read(p []byte) (int, error) {
	if l.Len() == 0 {
		l.Reset(l.wire)
	}
	return l.tape.Read(p)
}

func report(b *testing.B, wire []byte, messages int) {
	b.Helper()
	b.SetBytes(int64(len(wire) / messages))
	b.ReportAllocs()
	b.ResetTimer()
}

func benchChunks(b *testing.B, size int, wire []byte, messages int) {
	b.Helper()
	lim := Limits{}.withDefaults()
	r := newChunkReader(&loop{wire: wire}, readBuffer, &lim)
	r.chunkSize = uint32(size)
	report(b, wire, messages)
	for range b.N {
		if _, err := r.next(); err != nil {
			b.Fatal(err)
		}
	}
}

func benchGuard(b *testing.B, size int, wire []byte, messages int) {
	b.Helper()
	s := NewServer(Config{})
	t := &ticket{gate: s.gate}
	g := newGuard(s, newLink(&loop{wire: wire}, &s.limits), t, false, time.Now())
	g.link.in.chunkSize = uint32(size)
	g.trust()
	p := newPublisher(g, Request{})
	report(b, wire, messages)
	for range b.N {
		if _, err := p.Recv(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func benchIngest(b *testing.B, size int, wire []byte, messages int) {
	b.Helper()
	in := make(inbox, 1)
	_, addr := start(b, Config{Handler: in.handle})
	c, err := Dial(b.Context(), "rtmp://"+addr+"/live/studio", DialOptions{ChunkSize: size})
	if err != nil {
		b.Fatal(err)
	}
	p := <-in
	conn := c.link.conn
	ctx, cancel := context.WithCancel(b.Context())
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for ctx.Err() == nil {
			if err := writeAll(conn, wire); err != nil {
				return
			}
		}
	}()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	report(b, wire, messages)
	begin := threadCPU(b)
	for range b.N {
		if _, err := p.Recv(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(threadCPU(b)-begin)/float64(b.N), "cpu-ns/op")
	b.StopTimer()
	cancel()
	p.Close(nil)
	<-sent
	_ = c.Close()
}

// writeAll writes in pieces of what a socket takes at once.
func writeAll(conn net.Conn, wire []byte) error {
	if err := conn.SetWriteDeadline(time.Time{}); err != nil {
		return err
	}
	for len(wire) > 0 {
		n, err := conn.Write(wire[:min(len(wire), 64<<10)])
		if err != nil {
			return err
		}
		wire = wire[n:]
	}
	return nil
}
