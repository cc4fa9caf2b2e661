package peer

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What is fed back must say of each packet whether and when it came.
func TestFeedback(t *testing.T) {
	const tick = 250 * time.Microsecond
	base := 640 * time.Millisecond // a whole number of 64 ms
	for _, c := range []struct {
		name      string
		sequences []uint16
		at        []time.Duration
	}{
		{"one", []uint16{7}, []time.Duration{0}},
		{"a picture", []uint16{7, 8, 9}, []time.Duration{0, tick, tick}},
		{"with gaps", []uint16{7, 9, 30}, []time.Duration{0, tick, 2 * tick}},
		{"with a pause", []uint16{7, 8, 9}, []time.Duration{0, 100 * time.Millisecond, 100*time.Millisecond + tick}},
		{"around the end", []uint16{65534, 65535, 1}, []time.Duration{0, tick, 2 * tick}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var a Arrivals
			for i, s := range c.sequences {
				a.Add(s, base+c.at[i])
				a.Add(s, base+c.at[i]) // duplicates do not count
			}
			var got rtcp.TransportLayerCC
			if err := got.Unmarshal(a.Feedback(1, 2)); err != nil {
				t.Fatal(err)
			}
			sequences, at := decode(&got)
			for i := range at {
				at[i] -= base
			}
			if !slices.Equal(sequences, c.sequences) || !slices.Equal(at, c.at) {
				t.Errorf("got %v at %v, want %v at %v", sequences, at, c.sequences, c.at)
			}
			if a.Feedback(1, 2) != nil {
				t.Error("the same again")
			}
		})
	}
}

// decode is what a receiver of the feedback makes of it.
func decode(f *rtcp.TransportLayerCC) (sequences []uint16, at []time.Duration) {
	now, next, delta := time.Duration(f.ReferenceTime)*64*time.Millisecond, f.BaseSequenceNumber, 0
	for _, c := range f.PacketChunks {
		run, ok := c.(*rtcp.RunLengthChunk)
		for range int(run.RunLength) {
			if ok && run.PacketStatusSymbol != rtcp.TypeTCCPacketNotReceived {
				now += time.Duration(f.RecvDeltas[delta].Delta) * time.Microsecond
				sequences, at = append(sequences, next), append(at, now)
				delta++
			}
			next++
		}
	}
	return sequences, at
}

func TestReport(t *testing.T) {
	var got rtcp.ReceiverReport
	if err := got.Unmarshal(Report(nil, 1, 2, 3, 1<<16|4)); err != nil {
		t.Fatal(err)
	}
	if r := got.Reports[0]; got.SSRC != 1 || r.SSRC != 2 || r.TotalLost != 3 || r.LastSequenceNumber != 1<<16|4 {
		t.Errorf("%+v", got)
	}
}

const example = "v=0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=fingerprint:sha-256 ab:cd\r\n" +
	"a=candidate:1 1 tcp 1 192.0.2.1 9 typ host\r\na=candidate:2 1 udp 2 127.0.0.1 8189 typ host\r\n" +
	"a=candidate:3 1 udp 3 127.0.0.2 8189 typ host\r\na=extmap:3 " + transportCC + "\r\n"

func TestAnswer(t *testing.T) {
	a, err := parseAnswer(example)
	if want := (answer{secret{"u", "p"}, "AB:CD", "127.0.0.1 8189", true}); err != nil || a != want {
		t.Errorf("%+v, %v; want %+v", a, err, want)
	}
	for _, line := range []string{"a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=candidate"} {
		if a, err := parseAnswer(strings.ReplaceAll(example, line, "a=x")); err == nil {
			t.Errorf("without %s: %+v", line, a)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(example)
	f.Add("a=candidate:1 1 UDP 2 nowhere 99999")
	d := &Dialer{}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAnswer(text)
		if err != nil {
			return
		}
		if !strings.HasPrefix(a.candidate, "127.0.0.1 ") {
			return // a socket is made, but not to just anywhere
		}
		if conn, err := d.dial(a.candidate); err == nil {
			_ = conn.Close()
		}
	})
}

// What comes behind the last flight of a handshake is not DTLS's, and not lost.
func TestEarlyMedia(t *testing.T) {
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := net.DialUDP("udp4", nil, server.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := errors.Join(client.SetReadBuffer(1<<20), client.SetReadDeadline(time.Now().Add(10*time.Second))); err != nil {
		t.Fatal(err)
	}
	const handshake, media = 22, 0x80
	for n := range mostEarly + 2 {
		kind := byte(media)
		if n == mostEarly+1 {
			kind = handshake
		}
		if _, err := server.WriteTo([]byte{kind, byte(n)}, client.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	way := &transport{UDPConn: client}
	b := make([]byte, 16)
	if n, _, err := way.ReadFrom(b); err != nil || n != 2 || b[0] != handshake {
		t.Fatalf("DTLS reads % x, %v", b[:n], err)
	}
	early := way.end()
	if len(early) != mostEarly {
		t.Fatalf("%d datagrams are kept, want %d", len(early), mostEarly)
	}
	for n, b := range early {
		if len(b) != 2 || b[0] != media || b[1] != byte(n) {
			t.Fatalf("datagram %d is % x", n, b)
		}
	}
}
