//go:build e2e

package faults

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/pipeline/bitstream/flv"
	"weir/pipeline/service/rtmpd"
)

// attack is what an anonymous peer sends.
type attack struct {
	name  string
	shake bool // after a handshake
	wire  []byte
}

// attacks are those of LIBRARIES and of FAULTS T2, and whatever the fuzzers have
// found.
func attacks(t testing.TB) []attack {
	t.Helper()
	endless := append(amf("connect", 1), 0x0A, 0x7F, 0xFF, 0xFF, 0xFF) // a strict array of 2^31-1
	nested := amf("connect", 1)
	for range 1 << 20 {
		nested = append(nested, 3, 0, 1, 'a')
	}
	var partial []byte
	for csid := byte(3); csid < 64; csid++ {
		partial = append(partial, claim(csid, 9, 8<<20)...)
	}
	noise := make([]byte, 20000)
	_, _ = rand.Read(noise)
	all := []attack{
		{"endless array", true, chunks(3, 20, 0, 0, endless, rtmpChunk)},
		{"nested objects", true, append(control(1, 1<<16), chunks(3, 20, 0, 0, nested, 1<<16)...)},
		{"61 partial messages", true, partial},
		{"61 partial messages of a publisher without key", true, append(publishing("live", "x"), partial...)},
		{"chunk size 2^31-1", true, append(control(1, 0x7FFFFFFF), chunks(3, 20, 0, 0, nested[:1<<16], 1<<24)...)},
		{"chunk size 0", true, append(control(1, 0), connect("live")...)},
		{"window 0", true, append(control(5, 0), publishing("live", "x")...)},
		{"continuation first", true, []byte{0xC3, 1, 2, 3}},
		{"empty messages", true, bytes.Repeat(chunks(3, 20, 0, 0, nil, rtmpChunk), 200)},
		{"aborts", true, bytes.Repeat(control(2, 3), 200)},
		{"aggregate", true, append(connect("live"), chunks(4, 22, 1, 0, noise[:500], rtmpChunk)...)},
		{"AMF3", true, chunks(3, 17, 0, 0, append([]byte{0}, noise[:300]...), rtmpChunk)},
		{"noise", false, noise},
		{"noise after the handshake", true, noise},
		{"an HTTP request", false, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n" + strings.Repeat("x", 3000))},
		{"half a handshake", false, append([]byte{3}, noise[:700]...)},
		{"wrong version", false, append([]byte{6}, noise[:1536]...)},
		{"extended timestamps", true, chunks(3, 20, 0, 0xFFFFFF, amf("connect", 1), rtmpChunk)},
		{"connects for ever", true, bytes.Repeat(connect("live"), 500)},
	}
	for _, name := range []string{"FuzzGuard", "FuzzAMF"} {
		for i, b := range corpus(t, "../../pipeline/service/rtmpd/testdata/fuzz/"+name) {
			all = append(all, attack{name + strconv.Itoa(i), true, b}, attack{name + strconv.Itoa(i), true, append(connect("live"), b...)})
		}
	}
	return all
}

// corpus reads the byte slices of a fuzz target's committed inputs.
func corpus(t testing.TB, dir string) (all [][]byte) {
	t.Helper()
	files, err := filepath.Glob(dir + "/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus in %s: %v", dir, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			quoted, ok := strings.CutPrefix(strings.TrimSpace(line), "[]byte(")
			if !ok {
				continue
			}
			b, err := strconv.Unquote(strings.TrimSuffix(quoted, ")"))
			if err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			all = append(all, []byte(b))
		}
	}
	return all
}

// peak watches the memory of the process until stop is called.
func (s *server) peak() (stop func() int64) {
	var most atomic.Int64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-tick.C:
				if !s.over() {
					most.Store(max(most.Load(), s.rss()))
				}
			case <-done:
				return
			}
		}
	}()
	return func() int64 { close(done); <-ended; return most.Load() }
}

// T2: malformed messages of anonymous peers and of a publisher with a key.
func TestMalformed(t *testing.T) {
	cores.Take(t, 0.5)
	s := start(t, standard)
	beside := s.stand(t, "short/beside")
	beside.v.sees(20*time.Second, "video", "the stream", func(sample) bool { return true })
	all := attacks(t)
	before, top := s.rss(), s.peak()
	var wg sync.WaitGroup
	queue := make(chan attack)
	var kept atomic.Int64
	for range 20 {
		wg.Go(func() {
			for a := range queue {
				c, err := call(t, s.rtmp, a.shake)
				if err != nil {
					t.Errorf("%s: %v", a.name, err)
					continue
				}
				_, _ = c.Write(a.wire)
				if _, closed := hear(c, 200*time.Millisecond); !closed {
					kept.Add(1)
				}
				_ = c.Close()
			}
		})
	}
	for range 3 {
		for _, a := range all {
			queue <- a
		}
	}
	close(queue)
	wg.Wait()
	anonymous := top() - before
	if anonymous > 50<<20 {
		t.Errorf("anonymous peers cost %.1f MB", mb(anonymous))
	}
	if code := s.status("/livez"); code != 200 {
		t.Errorf("/livez: %d", code)
	}

	before, top = s.rss(), s.peak()
	hostile := hostilePublishers(t, s)
	keyed := top() - before
	if keyed > 200<<20 {
		t.Errorf("publishers cost %.1f MB", mb(keyed))
	}
	if n := s.metric("weir_rtmp_panics_total") + s.metric("weir_http_panics_total"); n > 0 {
		t.Errorf("%v panics", n)
	}
	if n := s.metric("weir_stage_restarts_total"); n > 0 {
		t.Errorf("%v failures of stages", n)
	}
	figure(t, "T2", "attacks=%d waiting=%d rss_delta_max=%.1fMB publishers=%d rss_delta_max=%.1fMB panics=0 bystanders=%d",
		3*len(all), kept.Load(), mb(anonymous), hostile, mb(keyed), beside.leave())
}

// hostilePublishers publishes with the right key what no encoder would.
func hostilePublishers(t *testing.T, s *server) int {
	t.Helper()
	header := func(config []byte) []byte { return append([]byte{0x17, 0, 0, 0, 0}, config...) }
	picture := func(nals ...[]byte) []byte {
		b := []byte{0x17, 1, 0, 0, 0}
		for _, n := range nals {
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(n))), n...)
		}
		return b
	}
	good := header(avcConfig(640, 360))
	many := make([][]byte, 100_000)
	for i := range many {
		many[i] = []byte{0x65, 1}
	}
	cases := map[string][][]byte{
		"16kx16k":       {header(avcConfig(16384, 16384)), picture([]byte{0x65, 1})},
		"empty-nals":    {good, picture(nil, []byte{}, []byte{0x65, 1}, nil), picture()},
		"cut-nals":      {good, append([]byte{0x17, 1, 0, 0, 0}, 0xFF, 0xFF, 0xFF, 0xFF, 1)},
		"many-slices":   {good, picture(many...)},
		"composition":   {good, append([]byte{0x17, 1, 0x7F, 0xFF, 0xFF}, 0, 0, 0, 2, 0x65, 1), append([]byte{0x17, 1, 0x80, 0, 0}, 0, 0, 0, 2, 0x65, 1)},
		"no-config":     {picture([]byte{0x65, 1})},
		"empty":         {{}, {0x17}, {0x17, 1}, {0xAF}, {0x90}, {0x86}},
		"extended":      {append([]byte{0x90}, "hvc1"...), append([]byte{0x80}, "zzzz...."...), {0x97, 0xFF, 0xFF, 0xFF}},
		"large":         {good, picture(append([]byte{0x65}, make([]byte, 7<<20)...))},
		"config-flaps":  {good, picture([]byte{0x65, 1}), header(avcConfig(320, 180)), picture([]byte{0x65, 1})},
		"sets-in-band":  {good, picture(avcSPS(1920, 1080), []byte{0x68, 0xCE, 0x3C, 0x80}, []byte{0x65, 1})},
		"garbage-sets":  {good, picture(bytes.Repeat([]byte{0x67}, 3000), []byte{0x65, 1})},
		"delimiters":    {good, picture([]byte{9, 0x10}), picture([]byte{0x0C, 0xFF})},
		"hostile-audio": {{0xAF, 0}, {0xAF, 0, 0xFF, 0xFF, 0xFF}, {0xAF, 1}, {0xAF, 1, 1}},
	}
	for i, b := range corpus(t, "../../pipeline/bitstream/testdata/fuzz/FuzzSplit") {
		cases["split-"+strconv.Itoa(i)] = [][]byte{good, append([]byte{0x17, 1, 0, 0, 0}, b...), append([]byte{0x27, 1, 0, 0, 0}, b...)}
	}
	var wg sync.WaitGroup
	for name, payloads := range cases {
		p := s.publish(t, "short/"+name)
		wg.Go(func() {
			for i := range 100 {
				for _, b := range payloads {
					typ := uint8(flv.Video)
					if len(b) > 0 && b[0] == 0xAF {
						typ = uint8(flv.Audio)
					}
					if p.client.Write(rtmpd.Message{Type: typ, Timestamp: uint32(33 * i), Payload: b}) != nil {
						return // the server has had enough
					}
				}
				_ = p.client.Write(rtmpd.Message{Type: uint8(flv.Script), Payload: amf("onMetaData", object("width", amf("\x00<img onerror>")))})
				pause(t, 5*time.Millisecond)
			}
			p.close()
		})
	}
	wg.Wait()
	return len(cases)
}
