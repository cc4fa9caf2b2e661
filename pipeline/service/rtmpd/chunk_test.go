package rtmpd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// head is a chunk header of any form.
func head(form uint8, chunk, field uint32, length int, typ uint8, stream uint32) []byte {
	b := appendBasicHeader(nil, form, chunk)
	h := make([]byte, 11)
	putBE24(h, min(field, extended))
	putBE24(h[3:], uint32(length))
	h[6] = typ
	binary.LittleEndian.PutUint32(h[7:], stream)
	b = append(b, h[:[...]int{11, 7, 3, 0}[form]]...)
	if field >= extended {
		b = binary.BigEndian.AppendUint32(b, field)
	}
	return b
}

func cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case []byte:
			b = append(b, p...)
		case string:
			b = append(b, p...)
		}
	}
	return b
}

// show is a message in one line.
func show(m message) string {
	p := string(m.payload)
	if len(p) > 32 {
		p = fmt.Sprintf("%s…(%d)", p[:4], len(p))
	}
	return fmt.Sprintf("%d/%d type %d at %d %q", m.chunk, m.stream, m.typ, m.timestamp, p)
}

func drain(r *chunkReader) (got []string, err error) {
	for {
		m, err := r.next()
		if err != nil {
			return got, err
		}
		got = append(got, show(m))
	}
}

func TestChunkReader(t *testing.T) {
	a130 := strings.Repeat("a", 130)
	const long = 0x01000000
	tests := []struct {
		name string
		wire []byte
		want []string
		err  string // "" is io.EOF
	}{
		{name: "empty"},
		{name: "one chunk", wire: cat(head(0, 3, 7, 2, 9, 1), "hi"), want: []string{`3/1 type 9 at 7 "hi"`}},
		{
			name: "two-byte and three-byte chunk stream IDs",
			wire: cat(head(0, 64, 1, 1, 8, 1), "a", head(0, 319, 1, 1, 8, 1), "b", head(0, 320, 1, 1, 8, 1), "c", head(0, 65599, 1, 1, 8, 1), "d"),
			want: []string{`64/1 type 8 at 1 "a"`, `319/1 type 8 at 1 "b"`, `320/1 type 8 at 1 "c"`, `65599/1 type 8 at 1 "d"`},
		},
		{
			name: "all forms, and deltas",
			wire: cat(head(0, 4, 1000, 1, 8, 1), "a", head(1, 4, 20, 2, 9, 0), "bb", head(2, 4, 30, 0, 0, 0), "cc", head(3, 4, 0, 0, 0, 0), "dd"),
			want: []string{`4/1 type 8 at 1000 "a"`, `4/1 type 9 at 1020 "bb"`, `4/1 type 9 at 1050 "cc"`, `4/1 type 9 at 1080 "dd"`},
		},
		{
			name: "a type 3 message after type 0 repeats its timestamp as delta (5.3.1.2.4)",
			wire: cat(head(0, 4, 10, 1, 8, 1), "a", head(3, 4, 0, 0, 0, 0), "b"),
			want: []string{`4/1 type 8 at 10 "a"`, `4/1 type 8 at 20 "b"`},
		},
		{
			name: "interleaved chunk streams",
			wire: cat(head(0, 4, 5, 130, 9, 1), a130[:128], head(0, 5, 6, 1, 8, 1), "x", head(3, 4, 0, 0, 0, 0), "aa"),
			want: []string{`5/1 type 8 at 6 "x"`, `4/1 type 9 at 5 "aaaa…(130)"`},
		},
		{
			name: "extended timestamp, repeated in type 3",
			wire: cat(head(0, 4, long, 130, 9, 1), a130[:128], head(3, 4, long, 0, 0, 0), "aa"),
			want: []string{`4/1 type 9 at 16777216 "aaaa…(130)"`},
		},
		{
			name: "extended timestamp, omitted in type 3",
			wire: cat(head(0, 4, long, 140, 9, 1), a130[:128], head(3, 4, 0, 0, 0, 0), "aaaaaaaaaaaa", head(2, 4, 0xffffff, 0, 0, 0), a130[:128], head(3, 4, 0, 0, 0, 0), "aaaaaaaaaaaa"),
			want: []string{`4/1 type 9 at 16777216 "aaaa…(140)"`, `4/1 type 9 at 33554431 "aaaa…(140)"`},
		},
		{
			name: "extended delta",
			wire: cat(head(0, 4, 5, 1, 9, 1), "a", head(2, 4, long, 0, 0, 0), "b", head(3, 4, long, 0, 0, 0), "c"),
			want: []string{`4/1 type 9 at 5 "a"`, `4/1 type 9 at 16777221 "b"`, `4/1 type 9 at 33554437 "c"`},
		},
		{
			name: "timestamps wrap at 2^32",
			wire: cat(head(0, 4, 0xfffffff0, 1, 9, 1), "a", head(2, 4, 0x20, 0, 0, 0), "b"),
			want: []string{`4/1 type 9 at 4294967280 "a"`, `4/1 type 9 at 16 "b"`},
		},
		{
			name: "2^24-1, 2^24 and 2^31",
			wire: cat(head(0, 4, 0xfffffe, 1, 9, 1), "a", head(2, 4, 1, 0, 0, 0), "b", head(3, 4, 0, 0, 0, 0), "c", head(0, 4, 1<<31, 1, 9, 1), "d"),
			want: []string{`4/1 type 9 at 16777214 "a"`, `4/1 type 9 at 16777215 "b"`, `4/1 type 9 at 16777216 "c"`, `4/1 type 9 at 2147483648 "d"`},
		},
		{
			name: "zero length",
			wire: cat(head(0, 4, 5, 0, 9, 1), head(3, 4, 0, 0, 0, 0), head(0, 4, 6, 1, 8, 1), "a"),
			want: []string{`4/1 type 9 at 5 ""`, `4/1 type 9 at 10 ""`, `4/1 type 8 at 6 "a"`},
		},
		{name: "a first header of type 1, as librtmp's pings have", wire: cat(head(1, 2, 0, 1, 4, 0), "p"), want: []string{`2/0 type 4 at 0 "p"`}},
		{name: "type 2 first", wire: head(2, 5, 1, 0, 0, 0), err: "chunk stream 5 begins with a chunk of type 2"},
		{name: "type 3 first", wire: head(3, 5, 1, 0, 0, 0), err: "chunk stream 5 begins with a chunk of type 3"},
		{name: "a message within another", wire: cat(head(0, 4, 5, 130, 9, 1), a130[:128], head(0, 4, 5, 1, 9, 1)), err: "chunk stream 4 begins a message within another"},
		{name: "audio too long", wire: head(0, 4, 5, 256<<10+1, 8, 1), err: "message of type 8 and 262145 bytes; at most 262144 are allowed"},
		{name: "video too long", wire: head(0, 4, 5, 8<<20+1, 9, 1), err: "message of type 9 and 8388609 bytes; at most 8388608 are allowed"},
		{name: "a command too long", wire: head(0, 3, 5, 64<<10+1, 20, 0), err: "message of type 20 and 65537 bytes; at most 65536 are allowed"},
		{name: "ends in a basic header", wire: []byte{0}, err: "unexpected EOF"},
		{name: "ends in a header", wire: head(0, 4, 5, 1, 8, 1)[:8], err: "unexpected EOF"},
		{name: "ends in an extended timestamp", wire: head(0, 4, long, 1, 8, 1)[:14], err: "unexpected EOF"},
		{name: "ends in a payload", wire: cat(head(0, 4, 5, 2, 8, 1), "a"), err: "unexpected EOF"},
		{name: "ends between the chunks of a message", wire: cat(head(0, 4, 5, 130, 9, 1), a130[:128]), err: "unexpected EOF"},
	}
	for _, tt := range tests {
		for _, slow := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/slow=%v", tt.name, slow), func(t *testing.T) {
				lim := Limits{}.withDefaults()
				src := io.Reader(bytes.NewReader(tt.wire))
				if slow {
					src = iotest.OneByteReader(src)
				}
				r := newChunkReader(src, 64, &lim)
				got, err := drain(&r)
				if !slices.Equal(got, tt.want) {
					t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
				}
				if want := cmpOr(tt.err, "EOF"); err.Error() != want {
					t.Errorf("error %q, want %q", err, want)
				}
				if tt.err == "" && (r.partial != 0 || r.consumed != uint64(len(tt.wire))) {
					t.Errorf("partial %d, consumed %d of %d", r.partial, r.consumed, len(tt.wire))
				}
			})
		}
	}
}

func cmpOr(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// stutter fails with errStutter before every byte.
type stutter struct {
	r     io.Reader
	ready bool
}

var errStutter = errors.New("not yet")

func (s *stutter) Read(b []byte) (int, error) {
	if s.ready = !s.ready; s.ready {
		return 0, errStutter
	}
	return s.r.Read(b[:1])
}

func TestChunkReaderResumes(t *testing.T) {
	var wire []byte
	var want []string
	for i, ts := range []uint32{0, 0xfffffe, 0xffffff, 1 << 31, 1<<32 - 1} {
		m := message{typ: TypeVideo, chunk: uint32(4 + 300*i), stream: 1, timestamp: ts, payload: bytes.Repeat([]byte{'v'}, 300)}
		wire = appendChunks(wire, &m, 100)
		want = append(want, show(m))
	}
	lim := Limits{}.withDefaults()
	r := newChunkReader(&stutter{r: bytes.NewReader(wire)}, 64, &lim)
	r.chunkSize = 100
	var got []string
	for {
		m, err := r.next()
		if errors.Is(err, errStutter) {
			continue
		}
		if err != nil {
			break
		}
		got = append(got, show(m))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestChunkReaderAborts(t *testing.T) {
	lim := Limits{}.withDefaults()
	wire := cat(head(0, 4, 5, 200, 9, 1), strings.Repeat("a", 128), head(0, 5, 1, 1, 8, 1), "x", head(0, 4, 6, 1, 9, 1), "b")
	r := newChunkReader(bytes.NewReader(wire), 64, &lim)
	if m, err := r.next(); err != nil || m.chunk != 5 {
		t.Fatal(show(m), err)
	}
	r.abort(4)
	r.abort(99)
	if r.partial != 0 {
		t.Errorf("partial %d", r.partial)
	}
	if m, err := r.next(); err != nil || show(m) != `4/1 type 9 at 6 "b"` {
		t.Error(show(m), err)
	}
}

func TestChunkReaderLimits(t *testing.T) {
	lim := Limits{ChunkStreams: 3, Partial: 1 << 20}.withDefaults()
	t.Run("chunk streams", func(t *testing.T) {
		var wire []byte
		for i := range uint32(4) {
			wire = cat(wire, head(0, 4+i, 0, 1, 8, 1), "a")
		}
		r := newChunkReader(bytes.NewReader(wire), 64, &lim)
		if got, err := drain(&r); len(got) != 3 || err.Error() != "more than 3 chunk streams" {
			t.Error(got, err)
		}
	})
	t.Run("partial messages", func(t *testing.T) {
		// Three headers claim 8 MiB each. Little is allocated before bytes arrive.
		var wire []byte
		for i := range uint32(3) {
			wire = cat(wire, head(0, 4+i, 0, 8<<20, 9, 1), strings.Repeat("a", 128))
		}
		r := newChunkReader(bytes.NewReader(wire), 64, &lim)
		_, err := drain(&r)
		if err == nil || r.partial != 3*eager {
			t.Error(r.partial, err)
		}
		r = newChunkReader(bytes.NewReader(wire), 64, &lim)
		r.maxPartial = 2 * eager
		if _, err := drain(&r); err.Error() != fmt.Sprintf("begun messages take more than %d bytes", 2*eager) {
			t.Error(err)
		}
	})
	t.Run("quota", func(t *testing.T) {
		wire := cat(head(0, 4, 0, 100, 8, 1), strings.Repeat("a", 100), head(0, 4, 0, 100, 8, 1))
		r := newChunkReader(bytes.NewReader(wire), 64, &lim)
		r.quota = 200
		got, err := drain(&r)
		if len(got) != 1 || err.Error() != "more than 200 bytes before a publish was accepted" {
			t.Error(got, err)
		}
	})
}

// TestChunkRoundTrip: what appendChunks writes, the reader reads, at all sizes.
func TestChunkRoundTrip(t *testing.T) {
	lim := Limits{}.withDefaults()
	for _, size := range []int{1, 128, 4096, 65536, maxChunkSize} {
		var wire []byte
		var want []string
		for _, ts := range []uint32{0, 0xffffff - 1, 0xffffff, 0xffffff + 1, 1<<31 + 5, 1<<32 - 1} {
			for _, n := range []int{0, 1, 127, 128, 129, 10_000} {
				m := message{typ: TypeVideo, chunk: 70, stream: 1, timestamp: ts, payload: bytes.Repeat([]byte{byte(ts)}, n)}
				wire = appendChunks(wire, &m, size)
				want = append(want, show(m))
			}
		}
		r := newChunkReader(bytes.NewReader(wire), 4096, &lim)
		r.chunkSize = uint32(size)
		got, err := drain(&r)
		if !slices.Equal(got, want) || !errors.Is(err, io.EOF) {
			t.Errorf("chunk size %d: got %q, %v; want %q", size, got, err, want)
		}
	}
}
