package rtmpd

import "time"

// Limits bounds what peers may take. A zero field means its default.
type Limits struct {
	// Connections is how many may be open at once, over all listeners; more are
	// closed on arrival. Default 4096.
	Connections int
	// PerAddress is how many of them may come from one IPv4 address or one IPv6
	// /64 network. Default 50.
	PerAddress int
	// Pending is how many connections may be open that do not publish yet. The
	// next one displaces the oldest, so that peers which only dawdle cannot keep
	// out one that does not. Default 1024.
	Pending int

	// Handshake is the time from accept to the end of the TLS and RTMP handshakes
	// together. Default 5 s.
	Handshake time.Duration
	// Publish is the time from accept to an accepted publish, all in all. Default
	// 10 s.
	Publish time.Duration
	// Idle is the time without a single byte after which a publisher counts as
	// lost. Default 30 s.
	Idle time.Duration
	// Write is the time that writing one message may take. Default 5 s.
	Write time.Duration

	// Unpublished is the number of bytes that a peer may send from the end of the
	// handshake until its publish is accepted. Default 64 KiB.
	Unpublished int
	// Video, Audio and Command are the largest messages of a publisher, in bytes;
	// Command is that of everything that is neither video nor audio. Defaults
	// 8 MiB, 256 KiB and 64 KiB.
	Video, Audio, Command int
	// Partial is the memory that the begun messages of one connection may take
	// together, in bytes. Default 16 MiB.
	Partial int
	// ChunkStreams is the number of chunk streams in one connection. Default 64.
	ChunkStreams int
}

const (
	// amfDepth is how deep AMF values may nest.
	amfDepth = 32
	// amfNodes is how many AMF values one message may hold, counting all inside
	// objects and arrays.
	amfNodes = 4096
	// maxName bounds the strings of a command that are used: app, tcUrl, stream
	// name, flashVer; in bytes.
	maxName = 1024
	// maxStreams bounds the message streams of one connection.
	maxStreams = 8
	// readBuffer is the size of a connection's read buffer in bytes. A frame of a
	// usual stream fits, so that it takes one system call.
	readBuffer = 32 << 10
	// window is the acknowledgement window and bandwidth that we announce, bytes.
	window = 2_500_000
	// minWindow is the smallest acknowledgement window of a peer that is honoured,
	// in bytes: less would make us answer every few packets.
	minWindow = 64 << 10
)

func orDefault[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// withDefaults fills in what is zero.
func (l Limits) withDefaults() Limits {
	orDefault(&l.Connections, 4096)
	orDefault(&l.PerAddress, 50)
	orDefault(&l.Pending, 1024)
	orDefault(&l.Handshake, 5*time.Second)
	orDefault(&l.Publish, 10*time.Second)
	orDefault(&l.Idle, 30*time.Second)
	orDefault(&l.Write, 5*time.Second)
	orDefault(&l.Unpublished, 64<<10)
	orDefault(&l.Video, 8<<20)
	orDefault(&l.Audio, 256<<10)
	orDefault(&l.Command, 64<<10)
	orDefault(&l.Partial, 16<<20)
	orDefault(&l.ChunkStreams, 64)
	return l
}
