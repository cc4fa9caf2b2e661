//go:build e2e

package faults

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2"
	"github.com/bluenviron/gohlslib/v2/pkg/codecs"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// await waits until a stream is there, with that many segments.
func (s *server) await(t testing.TB, path string, segments int) {
	t.Helper()
	eventually(t, 30*time.Second, path+" is there", func() bool {
		code, text := s.get("/" + path + "/index.m3u8")
		if code != 200 {
			return false
		}
		index, err := parsePlaylist(text)
		if err != nil {
			return false
		}
		_, text = s.get("/" + path + "/" + index.names[0])
		list, err := parsePlaylist(text)
		return err == nil && len(list.segments) >= segments
	})
}

// packets are what a viewer got, as other readers report it.
func (v *viewer) packets() (all []packet) {
	for _, kind := range []media.Kind{media.KindVideo, media.KindAudio} {
		for _, s := range v.samples(kind.String()) {
			all = append(all, packet{kind: kind, dts: s.dts, pts: s.pts, hash: s.hash})
		}
	}
	return all
}

// ffmpeg reads a stream to its end with Debian's ffmpeg, without decoding or with,
// and wants no complaint. The packets are there when the result returns.
func (s *server) ffmpeg(t testing.TB, path string, decode bool) func() []packet {
	t.Helper()
	args := []string{"-v", "warning", "-nostdin", "-xerror", "-live_start_index", "0", "-i", "http://" + s.http + "/" + path + "/index.m3u8", "-map", "0"}
	if decode {
		args = append(args, "-vsync", "passthrough")
	} else {
		args = append(args, "-c", "copy")
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append(args, "-f", "framehash", "-hash", "md5", "-")...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() []packet {
		t.Helper()
		if err := cmd.Wait(); err != nil {
			t.Errorf("ffmpeg: %v", err)
		}
		for line := range strings.Lines(log.String()) {
			if !unimportant(line) {
				t.Errorf("ffmpeg (decode=%v) says: %s", decode, line)
			}
		}
		return frameHashes(t, out.Bytes())
	}
}

// unimportant says whether a warning is about ffmpeg's own habits.
func unimportant(line string) bool {
	for _, habit := range []string{
		"Guessed Channel Layout", "Found duplicated MOOV Atom", "Last message repeated", "skipping", "deprecated pixel format", "-vsync is deprecated",
		// It asks again for a playlist that has not changed.
		"keepalive request failed",
	} {
		if strings.Contains(line, habit) {
			return true
		}
	}
	return strings.TrimSpace(line) == ""
}

// player is gohlslib's client on a stream.
type player struct {
	mu     sync.Mutex // guards what follows
	all    []packet
	parts  map[string][]int // numbers of the parts that it has asked for, by rendition
	faults []string
}

// play plays a stream with gohlslib until it ends, and says how that was.
func (s *server) play(t testing.TB, name string) func() *player {
	t.Helper()
	p := &player{parts: make(map[string][]int)}
	quiet := func(string) {}
	c := &gohlslib.Client{
		URI: "http://" + s.http + "/" + name + "/index.m3u8", HTTPClient: &http.Client{Transport: &http.Transport{}},
		MaxDistance:               20,
		OnDownloadPrimaryPlaylist: quiet, OnDownloadStreamPlaylist: quiet, OnDownloadSegment: quiet,
		OnDownloadPart: p.asks,
		OnDecodeError:  func(err error) { p.note(err.Error()) },
	}
	c.OnTracks = func(tracks []*gohlslib.Track) error {
		for _, track := range tracks {
			p.listen(c, track)
		}
		return nil
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stop := context.AfterFunc(t.Context(), c.Close)
	return func() *player {
		t.Helper()
		defer stop()
		err := c.Wait2()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, fault := range p.faults {
			t.Errorf("gohlslib: %s", fault)
		}
		// It does not know how a low-latency stream ends, and gives up on a plain one as
		// soon as the next segment is late, as it is while the server waits for the
		// publisher to come back.
		if !errors.Is(err, gohlslib.ErrClientEOS) && !strings.Contains(err.Error(), "preload hint disappeared") && !strings.Contains(err.Error(), "not ready yet") {
			t.Errorf("gohlslib: %v", err)
		}
		return p
	}
}

func (p *player) note(fault string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, fault)
}

// asks notes the number of a part: …/video-token-p17.m4s.
func (p *player) asks(url string) {
	name := strings.TrimSuffix(path.Base(url), ".m4s")
	at := strings.LastIndex(name, "-p")
	if at < 0 {
		return
	}
	n, err := strconv.Atoi(name[at+2:])
	if err != nil {
		return
	}
	rendition := name[:at]
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parts[rendition] = append(p.parts[rendition], n)
}

// skipped is how many parts of a rendition the player never asked for: it looks at
// the playlist after each part, and when the next one is there already it goes on
// behind it.
func (p *player) skipped(kind media.Kind) (n int) {
	for rendition, numbers := range p.parts {
		for i := 1; i < len(numbers) && strings.HasPrefix(rendition, kind.String()); i++ {
			n += max(0, numbers[i]-numbers[i-1]-1)
		}
	}
	return n
}

// listen takes a track's frames.
func (p *player) listen(c *gohlslib.Client, track *gohlslib.Track) {
	rate := media.Rate(track.ClockRate)
	take := func(codec media.Codec, pts, dts int64, access [][]byte) {
		joined, err := bitstream.Append(nil, codec, access)
		if err != nil {
			p.note(err.Error())
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.all = append(p.all, packet{
			kind: codec.Kind(), pts: rate.Duration(media.Ticks(pts)), dts: rate.Duration(media.Ticks(dts)), hash: hashOf(joined),
		})
	}
	sound := func(codec media.Codec) func(int64, [][]byte) {
		return func(pts int64, frames [][]byte) {
			for i, f := range frames {
				at := pts + int64(i)*1024
				take(codec, at, at, [][]byte{f})
			}
		}
	}
	switch track.Codec.(type) {
	case *codecs.H264:
		c.OnDataH26x(track, func(pts, dts int64, au [][]byte) { take(media.CodecH264, pts, dts, pictures(au)) })
	case *codecs.H265:
		c.OnDataH26x(track, func(pts, dts int64, au [][]byte) { take(media.CodecH265, pts, dts, au) })
	case *codecs.AV1:
		c.OnDataAV1(track, func(pts int64, tu [][]byte) { take(media.CodecAV1, pts, pts, tu) })
	case *codecs.MPEG4Audio:
		c.OnDataMPEG4Audio(track, sound(media.CodecAAC))
	case *codecs.Opus:
		c.OnDataOpus(track, sound(media.CodecOpus))
	default:
		p.note("unknown codec")
	}
}

// pictures leaves out what MPEG-TS has in band: delimiters and parameter sets.
func pictures(au [][]byte) [][]byte {
	return slices.DeleteFunc(slices.Clone(au), func(nal []byte) bool {
		typ := nal[0] & 0x1F
		return typ == 7 || typ == 8 || typ == 9
	})
}
