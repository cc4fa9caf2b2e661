package rtmpd

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestEncoderSequence: what OBS and ffmpeg say around a publish, in one go, and
// a second publish on the same connection.
func TestEncoderSequence(t *testing.T) {
	in := make(inbox, 1)
	_, addr := start(t, Config{Handler: in.handle})
	c := call(t, addr)
	c.send(cat(
		says(0, "connect", 1, Object{{"app", "live"}, {"type", "nonprivate"}, {"flashVer", "FMLE/3.0 (compatible; FMSc/1.0)"}, {"swfUrl", "rtmp://h/live"}, {"tcUrl", "rtmp://h/live"}}),
		says(0, "releaseStream", 2, nil, "studio?key=K"),
		says(0, "FCPublish", 3, nil, "studio?key=K"),
		says(0, "createStream", 4, nil),
		says(0, "_checkbw", 5, nil),
		says(0, "getStreamLength", 6, nil, "studio"),
		says(1, "publish", 7, nil, "studio?key=K", "live"),
	))
	var transactions []float64
	for range 6 {
		transactions = append(transactions, c.hear("_result").transaction)
		if len(transactions) == 1 {
			continue
		}
	}
	// The library answers from a goroutine of its own, so order is not fixed.
	sum := 0.0
	for _, x := range transactions {
		sum += x
	}
	if sum != 1+2+3+4+5+6 {
		t.Errorf("answered transactions: %v", transactions)
	}
	if s := statusOf(c.hear("onStatus")); s.Code != CodeStart {
		t.Errorf("publish: %v", s)
	}
	p := <-in
	if r := p.Request(); r.Path != "live/studio" || !r.Key.Equal("K") || !strings.HasPrefix(r.Encoder, "FMLE") {
		t.Errorf("request: %+v", r)
	}
	meta := appendAMF0(nil, "@setDataFrame", "onMetaData", Object{{"width", 1280}})
	c.send(cat(
		appendChunks(nil, &message{typ: TypeData, chunk: 4, stream: 1, payload: meta}, defaultChunkSize),
		video(40, "picture"),
		says(0, "FCUnpublish", 8, nil, "studio"), says(0, "deleteStream", 9, nil, 1),
	))
	if m, err := p.Recv(t.Context()); err != nil || m.Type != TypeData || !bytes.Equal(m.Payload, meta[len("@setDataFrame")+3:]) {
		t.Errorf("metadata: %+v, %v", m, err)
	}
	if m, err := p.Recv(t.Context()); err != nil || m.Type != TypeVideo || m.Timestamp != 40 || string(m.Payload) != "picture" {
		t.Errorf("video: %+v, %v", m, err)
	}
	for range 2 {
		if _, err := p.Recv(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("at the end: %v", err)
		}
	}
	c.send(cat(says(0, "createStream", 10, nil), says(1, "publish", 11, nil, "other", "live"), video(1, "again")))
	p = <-in
	if m, err := p.Recv(t.Context()); err != nil || string(m.Payload) != "again" || p.Request().Path != "live/other" {
		t.Errorf("second publish: %+v, %+v, %v", p.Request(), m, err)
	}
	p.Close(nil)
	for {
		if s := statusOf(c.hear("onStatus")); s.Code == CodeUnpublish {
			break
		}
	}
	c.gone()
}

func TestConnectResult(t *testing.T) {
	_, addr := start(t, Config{Handler: make(inbox).handle})
	tests := []struct {
		name    string
		connect Object
		caps    bool
	}{
		{name: "plain", connect: Object{{"app", "live"}}},
		{name: "fourCcList", connect: Object{{"app", "live"}, {"fourCcList", []any{"hvc1"}}}, caps: true},
		{name: "videoFourCcInfoMap", connect: Object{{"app", "live"}, {"videoFourCcInfoMap", Object{{"*", 1}}}}, caps: true},
		{name: "odd types", connect: Object{{"app", "live"}, {"fpad", "no"}, {"capabilities", "x"}, {"objectEncoding", 3}, {"audioCodecs", nil}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := call(t, addr)
			c.say(0, "connect", 1, tt.connect)
			r := c.hear("_result")
			info := infoOf(r)
			if info.Get("code") != "NetConnection.Connect.Success" || info.Get("objectEncoding") != 0.0 {
				t.Errorf("information: %v", info)
			}
			var want any
			if tt.caps {
				want = []any{"avc1", "hvc1", "av01", "mp4a", "Opus"}
			}
			if got := info.Get("fourCcList"); !reflect.DeepEqual(got, want) {
				t.Errorf("fourCcList %v, want %v", got, want)
			}
		})
	}
}

func TestControlMessages(t *testing.T) {
	in := make(inbox, 1)
	_, addr := start(t, Config{Handler: in.handle})
	c := call(t, addr)
	c.publishes("live", "studio")
	p := <-in
	ctl := func(typ uint8, words ...uint32) []byte {
		var b []byte
		for _, w := range words {
			b = binary.BigEndian.AppendUint32(b, w)
		}
		return appendChunks(nil, &message{typ: typ, chunk: 2, payload: b}, defaultChunkSize)
	}
	sub := func(typ uint8, ts uint32, payload string) []byte {
		h := make([]byte, 11)
		h[0], h[7] = typ, byte(ts>>24)
		putBE24(h[1:], uint32(len(payload)))
		putBE24(h[4:], ts)
		return cat(h, payload, []byte{0, 0, 0, byte(11 + len(payload))})
	}
	c.send(cat(
		ctl(typeWindowAckSize, 0), ctl(typeSetPeerBandwidth, 1, 2), ctl(99, 1),
		head(0, 7, 0, 300, 9, 1), strings.Repeat("x", 128), ctl(typeAbort, 7), head(0, 7, 5, 1, 9, 1), "a",
		ctl(typeSetChunkSize, 0x7fffffff), head(0, 7, 6, 300, 9, 1), strings.Repeat("b", 300),
		appendChunks(nil, &message{typ: typeAggregate, chunk: 7, stream: 1, timestamp: 1000, payload: cat(sub(8, 50, "c"), sub(9, 60, ""), sub(9, 1<<24+50, "d"))}, maxChunkSize),
		ctl(typeUserControl, 6<<16|1, 0x00020000)[:12+6], // a ping with 6 bytes
	))
	for _, want := range []struct {
		ts      uint32
		payload string
	}{{5, "a"}, {6, strings.Repeat("b", 300)}, {1000, "c"}, {1000 + 1<<24, "d"}} {
		m, err := p.Recv(t.Context())
		if err != nil || m.Timestamp != want.ts || string(m.Payload) != want.payload {
			t.Fatalf("got %+v, %v; want %+v", m, err, want)
		}
	}
	p.Close(nil)
}

// TestAMF3Commands: a publisher that wraps everything as AMF 3 does.
func TestAMF3Commands(t *testing.T) {
	in := make(inbox, 1)
	_, addr := start(t, Config{Handler: in.handle})
	c := call(t, addr)
	wrap := func(typ uint8, stream uint32, values ...any) []byte {
		return appendChunks(nil, &message{typ: typ, chunk: 3, stream: stream, payload: appendAMF0([]byte{0}, values...)}, defaultChunkSize)
	}
	c.send(cat(
		wrap(typeCommandAMF3, 0, "connect", 1, Object{{"app", "live"}, {"objectEncoding", 3}}),
		wrap(typeCommandAMF3, 0, "createStream", 2, nil),
		wrap(typeCommandAMF3, 1, "publish", 3, nil, "studio", "live"),
		wrap(typeDataAMF3, 1, "onMetaData", Object{{"width", 1}}),
		wrap(typeCommandAMF3, 1, "closeStream", 0, nil),
	))
	p := <-in
	if m, err := p.Recv(t.Context()); err != nil || m.Type != TypeData || !bytes.HasPrefix(m.Payload, appendAMF0(nil, "onMetaData")) {
		t.Errorf("metadata: %+v, %v", m, err)
	}
	if _, err := p.Recv(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestAcknowledgements(t *testing.T) {
	in := make(inbox, 1)
	_, addr := start(t, Config{Handler: in.handle})
	c := call(t, addr)
	c.publishes("live", "studio")
	p := <-in
	window := func(n uint32) []byte {
		return appendChunks(nil, &message{typ: typeWindowAckSize, chunk: 2, payload: binary.BigEndian.AppendUint32(nil, n)}, defaultChunkSize)
	}
	c.send(window(1)) // an attempt at an ack storm: counts as 64 KiB
	const n = 100
	for range n {
		c.send(video(0, strings.Repeat("v", 10_000)))
	}
	for range n {
		if _, err := p.Recv(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	p.Close(nil)
	acks := 0
	for {
		m, err := c.link.in.next()
		if err != nil {
			break
		}
		if m.typ == typeAck {
			acks++
		}
	}
	if want := n * 10_000 / (minWindow / 2); acks < want-5 || acks > want+1 {
		t.Errorf("%d acknowledgements, want about %d", acks, want)
	}
}

// hostile are bytes that peers send after the handshake to do harm (T2). The
// first two kill a plain go-rtmp server with one packet.
func hostile() map[string][]byte {
	cmd := func(body []byte) []byte {
		return appendChunks(nil, &message{typ: typeCommand, chunk: 3, payload: body}, defaultChunkSize)
	}
	connect := appendAMF0(nil, "connect", 1)
	big := func(n int) []byte {
		size := appendChunks(nil, &message{typ: typeSetChunkSize, chunk: 2, payload: []byte{0, 0xff, 0xff, 0xff}}, defaultChunkSize)
		body := cat(connect, []byte(strings.Repeat("\x03\x00\x01a", n/4)))
		return cat(size, appendChunks(nil, &message{typ: typeCommand, chunk: 3, payload: body}, maxChunkSize))
	}
	var partial []byte
	for i := range uint32(61) {
		partial = cat(partial, head(0, 3+i, 0, 0xffffff, 9, 1), strings.Repeat("p", 128))
	}
	chunkSize := func(v uint32) []byte {
		return appendChunks(nil, &message{typ: typeSetChunkSize, chunk: 2, payload: binary.BigEndian.AppendUint32(nil, v)}, defaultChunkSize)
	}
	return map[string][]byte{
		"strict array of 2^31":      cmd(cat(connect, "\x0a\x7f\xff\xff\xff")),
		"strict array in an object": cmd(cat(connect, "\x03\x00\x03app\x0a\x7f\xff\xff\xff\x05")),
		"nested objects 60 KB":      big(60_000),
		"nested objects 16 MB":      big(16 << 20),
		"61 partial messages":       partial,
		"chunk size 0":              chunkSize(0),
		"chunk size 2^32-1":         chunkSize(0xffffffff),
		"chunk size 0x7fffffff":     cat(chunkSize(0x7fffffff), head(0, 3, 0, 0xffffff, 20, 0)),
		"type 3 first":              head(3, 3, 0, 0, 0, 0),
		"zero length":               bytes.Repeat(head(0, 3, 0, 0, 20, 0), 100),
		"zero length for ever":      bytes.Repeat(head(0, 3, 0, 0, 20, 0), 100_000),
		"window 0":                  appendChunks(nil, &message{typ: typeWindowAckSize, chunk: 2, payload: make([]byte, 4)}, 128),
		"unknown type":              appendChunks(nil, &message{typ: 77, chunk: 3, payload: make([]byte, 1000)}, 128),
		"shared object":             appendChunks(nil, &message{typ: 19, chunk: 3, payload: make([]byte, 1000)}, 128),
		"unknown user control":      appendChunks(nil, &message{typ: typeUserControl, chunk: 2, payload: []byte{0, 99, 0, 0, 0, 0}}, 128),
		"short control":             appendChunks(nil, &message{typ: typeSetChunkSize, chunk: 2, payload: []byte{1}}, 128),
		"empty aggregate":           appendChunks(nil, &message{typ: typeAggregate, chunk: 3, payload: []byte{8, 0xff, 0xff, 0xff}}, 128),
		"command without a name":    cmd([]byte{amfNull}),
		"command that ends":         cmd([]byte{amfString, 0xff, 0xff}),
		"AMF 3":                     cmd([]byte{0x11}),
		"createStream first":        says(0, "createStream", 2, nil),
		"publish first":             says(0, "publish", 2, nil, "studio"),
		"publish on a wrong stream": cat(says(0, "connect", 1, Object{}), says(7, "publish", 2, nil, "studio")),
		"publish on stream 0":       cat(says(0, "connect", 1, Object{}), says(0, "publish", 2, nil, "studio")),
		"publish of nothing":        cat(says(0, "connect", 1, Object{}), says(0, "createStream", 2, nil), says(1, "publish", 3)),
		"play":                      cat(says(0, "connect", 1, Object{}), says(0, "createStream", 2, nil), says(1, "play", 3, nil, "studio")),
		"connect twice":             cat(says(0, "connect", 1, Object{}), says(0, "connect", 1, Object{})),
		"connect with null":         says(0, "connect", 1, nil),
		"delete the control stream": cat(says(0, "connect", 1, Object{}), says(0, "deleteStream", 1, nil, 0), says(0, "createStream", 2, nil)),
		"delete a wild stream":      cat(says(0, "connect", 1, Object{}), says(0, "deleteStream", 1, nil, -1e300)),
		"streams without end":       cat(says(0, "connect", 1, Object{}), bytes.Repeat(says(0, "createStream", 2, nil), 500)),
		"results out of the blue":   cat(says(0, "_result", 1, nil), says(0, "_error", 2, nil)),
		"media without a publish":   bytes.Repeat(video(0, strings.Repeat("v", 1000)), 100),
		"garbage":                   bytes.Repeat([]byte{0xde, 0xad, 0xbe, 0xef}, 10_000),
	}
}

// TestHostile (T2): none of it ends the process, costs memory, or disturbs a
// publisher beside it.
func TestHostile(t *testing.T) {
	in := make(inbox, 1)
	s, addr := start(t, Config{Handler: in.handle, Limits: Limits{Publish: 300 * time.Millisecond}})
	good := call(t, addr)
	good.publishes("live", "good")
	p := <-in
	corpus := hostile()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most := uint64(0)
	ts := uint32(0)
	for name, wire := range corpus {
		t.Run(name, func(t *testing.T) {
			bad := call(t, addr)
			go bad.send(wire)
			bad.gone()
			runtime.ReadMemStats(&after)
			most = max(most, after.HeapInuse)
			ts++
			good.send(video(ts, "still here"))
			if m, err := p.Recv(t.Context()); err != nil || m.Timestamp != ts {
				t.Errorf("the good publisher: %+v, %v", m, err)
			}
		})
	}
	if most > before.HeapInuse+50<<20 {
		t.Errorf("heap went from %d to %d bytes", before.HeapInuse, most)
	}
	if st := s.Stats(); st.Panics != 0 || st.Publishers != 1 {
		t.Errorf("stats: %+v", st)
	}
	p.Close(nil)
}

// TestHostilePublisher: the same from a peer with a key.
func TestHostilePublisher(t *testing.T) {
	in := make(inbox, 1)
	s, addr := start(t, Config{Handler: in.handle, Limits: Limits{Idle: 200 * time.Millisecond}})
	for name, wire := range hostile() {
		t.Run(name, func(t *testing.T) {
			bad := call(t, addr)
			bad.publishes("live", "bad")
			p := <-in
			go bad.send(wire)
			for {
				if _, err := p.Recv(t.Context()); err != nil {
					p.Close(nil)
					break
				}
			}
			_ = bad.conn.Close()
		})
	}
	if st := s.Stats(); st.Panics != 0 {
		t.Errorf("stats: %+v", st)
	}
}

// TestExtendedTimestamps: a publisher that has been on the air for weeks.
func TestExtendedTimestamps(t *testing.T) {
	in := make(inbox, 1)
	_, addr := start(t, Config{Handler: in.handle})
	c, err := Dial(t.Context(), "rtmp://"+addr+"/live/studio", DialOptions{ChunkSize: 128})
	if err != nil {
		t.Fatal(err)
	}
	p := <-in
	for _, ts := range []uint32{0, 1<<24 - 2, 1<<24 - 1, 1 << 24, 1<<31 - 1, 1 << 31, 1<<32 - 1, 0, 33} {
		if err := c.Write(Message{Type: TypeVideo, Timestamp: ts, Payload: make([]byte, 1000)}); err != nil {
			t.Fatal(err)
		}
		if m, err := p.Recv(t.Context()); err != nil || m.Timestamp != ts || len(m.Payload) != 1000 {
			t.Errorf("at %d: %d, %d bytes, %v", ts, m.Timestamp, len(m.Payload), err)
		}
	}
	p.Close(nil)
	_ = c.Close()
}

func TestRecvContext(t *testing.T) {
	in := make(inbox, 1)
	_, addr := start(t, Config{Handler: in.handle})
	c := call(t, addr)
	c.publishes("live", "studio")
	p := <-in
	wire := video(7, strings.Repeat("v", 300))
	for i := range wire {
		ctx, cancel := context.WithCancel(t.Context())
		if i%50 == 0 {
			// Recv waits in the middle of the message when ctx ends.
			done := make(chan error)
			go func() {
				_, err := p.Recv(ctx)
				done <- err
			}()
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		cancel()
		c.send(wire[i : i+1])
	}
	if m, err := p.Recv(t.Context()); err != nil || m.Timestamp != 7 || len(m.Payload) != 300 {
		t.Errorf("got %+v, %v", m, err)
	}
	p.Close(nil)
}
