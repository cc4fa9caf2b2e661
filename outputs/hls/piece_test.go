package hls

import (
	"bytes"
	"net/http"
	"sync"
	"testing"
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/fmp4"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

// pieces of all renditions, oldest first.
func (s *studio) pieces() []*piece {
	var all []*piece
	for _, r := range s.store.shelf.Load().renditions {
		for _, seg := range r.load().segments {
			for _, p := range seg.parts {
				all = append(all, p.piece)
			}
		}
	}
	return all
}

// What nobody asks for is not copied, and only that which is asked for is.
func TestPartsAreMadeWhenAskedFor(t *testing.T) {
	s := newStudio(t, nil)
	s.feed(movie(stagetest.Both(), 0, 5*time.Second))
	madeOf := func() (n, bytes int) {
		for _, p := range s.pieces() {
			if p.bytes != nil {
				n, bytes = n+1, bytes+p.size
			}
		}
		return n, bytes
	}
	list := parse(t, s.text(t, "video.m3u8"))
	s.text(t, indexLeaf)
	s.respond(t, http.MethodHead, list.segments[0].name)
	if n, _ := madeOf(); n != 0 {
		t.Errorf("%d parts are made before anybody asks for one", n)
	}
	part := s.text(t, list.segments[0].parts[1].name)
	if n, size := madeOf(); n != 1 || size != len(part) {
		t.Errorf("%d parts of %d bytes are made for one of %d", n, size, len(part))
	}
	for _, p := range s.pieces() {
		if (p.bytes == nil) == (p.units == nil) {
			t.Error("a part holds its media twice, or not at all")
		}
	}
}

// Whoever asks gets the same bytes, which are there only once.
func TestPieceIsMadeOnce(t *testing.T) {
	head, unit := []byte("head"), []byte{0x65, 1, 2}
	p := toMake(head, media.CodecH264, [][]byte{unit, unit}, 14)
	if p.held() < p.size {
		t.Errorf("a piece of %d bytes holds %d", p.size, p.held())
	}
	var all sync.WaitGroup
	got := make([][]byte, 8)
	for i := range got {
		all.Go(func() { got[i] = p.data() })
	}
	all.Wait()
	for _, b := range got {
		if string(b) != "head\x00\x00\x00\x03\x65\x01\x02\x00\x00\x00\x03\x65\x01\x02" || &b[0] != &got[0][0] {
			t.Errorf("%q", b)
		}
	}
	if len(p.data()) != p.size || p.units != nil {
		t.Errorf("%d bytes instead of %d, of %d units", len(p.data()), p.size, len(p.units))
	}
}

// What bounds memory is what is kept, also of parts that nobody has asked for.
func TestRetentionByMemory(t *testing.T) {
	s := newStudio(t, nil)
	s.feed(movie(stagetest.Both(), 0, time.Second))
	video := s.store.find("video")
	video.keep.bytes = 1
	s.feed(movie(stagetest.Both(), time.Second, 19*time.Second)[1:])
	if n := len(video.load().segments); n != 3 {
		t.Errorf("%d segments stay, not the newest 3", n)
	}
	if n := len(s.store.find("audio").load().segments); n < 7 {
		t.Errorf("%d segments of sound stay", n)
	}
	for _, seg := range video.load().segments {
		if seg.held <= seg.bytes {
			t.Errorf("a segment of %d bytes holds %d", seg.bytes, seg.held)
		}
	}
}

// A muxer whose payload could not be put together later is refused at once.
func TestFragmentsOfUnknownCodec(t *testing.T) {
	if _, err := newFragments(media.CodecVP8); err == nil {
		t.Error("VP8 is accepted")
	}
}

// The size of a unit is known before it is put together, whatever is in it.
func FuzzJoinedSize(f *testing.F) {
	f.Add([]byte("\x32\x0a\x36\x01\x34\x10"), byte(2))
	f.Add([]byte{}, byte(0))
	f.Add([]byte{4}, byte(1)) // an OBU that ends in its header
	f.Add(bytes.Repeat([]byte{0x30}, 1000), byte(130))
	f.Fuzz(func(t *testing.T, payload []byte, step byte) {
		access := [][]byte{{}}
		for rest, n := payload, 1; len(rest) > 0; n += int(step) {
			n = min(n, len(rest))
			access, rest = append(access, rest[:n]), rest[n:]
		}
		for _, c := range spec().In[0].Streams.Codecs {
			b, err := bitstream.Append(nil, c, access)
			if got := fmp4.JoinedSize(c, access); err != nil || got != len(b) {
				t.Errorf("%v: %d bytes, not %d: %v", c, len(b), got, err)
			}
		}
	})
}
