//go:build e2e

package faults

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/pmp4"

	"weir/pipeline/bitstream"
	"weir/pipeline/bitstream/flv"
	"weir/pipeline/media"
	"weir/test/mp4"
)

// packet is one frame of a real clip: what was sent, or what a reader got.
type packet struct {
	kind     media.Kind
	dts, pts time.Duration
	hash     string

	track  *media.Track // of what is to be sent
	access [][]byte
	key    bool
}

func hashOf(b []byte) string {
	h := md5.Sum(b)
	return hex.EncodeToString(h[:])
}

// frameHashes reads what ffmpeg's framehash muxer writes, with MD5.
func frameHashes(t testing.TB, text []byte) (all []packet) {
	t.Helper()
	bases, kinds := map[string]time.Duration{}, map[string]media.Kind{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		if rest, ok := strings.CutPrefix(line, "#tb "); ok {
			stream, base, _ := strings.Cut(rest, ": 1/")
			n, _ := strconv.Atoi(base)
			bases[stream] = time.Duration(n)
		}
		if rest, ok := strings.CutPrefix(line, "#media_type "); ok {
			stream, kind, _ := strings.Cut(rest, ": ")
			kinds[stream] = map[string]media.Kind{"video": media.KindVideo, "audio": media.KindAudio}[kind]
		}
		f := strings.Split(line, ",")
		if strings.HasPrefix(line, "#") || len(f) < 6 {
			continue
		}
		number := func(s string) time.Duration {
			n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			return time.Duration(float64(n) * float64(time.Second) / float64(bases[f[0]]))
		}
		all = append(all, packet{kind: kinds[f[0]], dts: number(f[1]), pts: number(f[2]), hash: strings.TrimSpace(f[5])})
	}
	return all
}

// played is a clip as ffmpeg sends it when it plays it that many times.
func played(t testing.TB, clip string, times int) []packet {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-stream_loop", strconv.Itoa(times-1), "-i", clip,
		"-map", "0", "-c", "copy", "-f", "framehash", "-hash", "md5", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return frameHashes(t, out)
}

// loaded is an MP4 clip as a publisher of ours sends it when it plays it that many
// times, with the times of its sample tables.
func loaded(t testing.TB, clip string, times int) (all []packet) {
	t.Helper()
	f, err := os.Open(clip)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var movie pmp4.Presentation
	if err := movie.Unmarshal(f); err != nil {
		t.Fatal(err)
	}
	var length time.Duration
	for _, track := range movie.Tracks {
		p := mp4.Params(t, track.Codec)
		set := p.Track(media.TrackID(p.Codec.Kind().String()))
		rate, at := media.Rate(track.TimeScale), media.Ticks(track.TimeOffset)
		for _, s := range track.Samples {
			payload, err := s.GetPayload()
			if err != nil {
				t.Fatal(err)
			}
			au, err := p.Split(payload)
			if err != nil {
				t.Fatal(err)
			}
			joined, err := bitstream.Append(nil, p.Codec, au.Access)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, packet{
				kind: set.Kind(), dts: rate.Duration(at), pts: rate.Duration(at + media.Ticks(s.PTSOffset)),
				hash: hashOf(joined), track: set, access: au.Access, key: au.Flags.Has(media.Key),
			})
			at += media.Ticks(s.Duration)
		}
		length = max(length, rate.Duration(at))
	}
	once := len(all)
	for n := 1; n < times; n++ {
		for _, p := range all[:once] {
			p.dts += time.Duration(n) * length
			p.pts += time.Duration(n) * length
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b packet) int { return cmp.Compare(a.dts, b.dts) })
	return all
}

// perform sends a clip in real time.
func (p *publisher) perform(packets []packet) {
	p.t.Helper()
	said := make(map[media.Kind]*media.Track) // in sequence headers
	began := time.Now()
	pace := time.NewTimer(0)
	defer pace.Stop()
	for _, pk := range packets {
		pace.Reset(time.Until(began.Add(pk.dts)))
		<-pace.C
		f := frame{kind: pk.kind}
		stamp := func(d time.Duration) int64 { return int64(d.Round(time.Millisecond)/time.Millisecond) + 1000 }
		if said[pk.kind] != pk.track {
			tag, err := flv.SequenceHeader(pk.track, 0, uint32(stamp(pk.dts)))
			if err != nil {
				p.t.Fatal(err)
			}
			f.tags, said[pk.kind] = append(f.tags, tag), pk.track
		}
		u := flv.Unit{Track: pk.track, DTS: uint32(stamp(pk.dts)), CTS: int32(stamp(pk.pts) - stamp(pk.dts)), Access: pk.access}
		if pk.key {
			u.Flags = media.Key
		}
		tag, err := flv.Mux(u)
		if err != nil {
			p.t.Fatal(err)
		}
		f.tags = append(f.tags, tag)
		if err := p.write(f); err != nil {
			p.t.Errorf("publish the clip: %v", err)
			return
		}
	}
}

// comparison is what a reader got of a clip.
type comparison struct {
	sent, got   int
	head, tail  int // of what was sent, before the first and behind the last that came
	lost, alien int
	holes       []hole
	late        int           // frames whose decoding time does not rise
	doubled     int           // presentation times that come twice
	skew        time.Duration // of sound against picture, the most
}

// hole is where a reader has lost frames: from that one on so many.
type hole struct{ from, frames int }

// shift is by how much a frame of that time has been moved.
type shift struct{ at, by time.Duration }

// compare finds the frames that came in the order in which they were sent.
func compare(sent, got []packet) map[media.Kind]*comparison {
	all := make(map[media.Kind]*comparison)
	shifts := make(map[media.Kind][]shift)
	for _, kind := range []media.Kind{media.KindVideo, media.KindAudio} {
		of := func(ps []packet) []packet {
			return slices.DeleteFunc(slices.Clone(ps), func(p packet) bool { return p.kind != kind })
		}
		s, g := of(sent), of(got)
		if len(s) == 0 {
			continue
		}
		c := &comparison{sent: len(s), got: len(g)}
		all[kind] = c
		shifts[kind] = c.match(s, g)
		c.times(g)
	}
	if v, a := all[media.KindVideo], all[media.KindAudio]; v != nil && a != nil {
		v.skew = apart(shifts[media.KindVideo], shifts[media.KindAudio])
		a.skew = v.skew
	}
	return all
}

// match walks through what came.
func (c *comparison) match(sent, got []packet) (shifts []shift) {
	const ahead = 400 // frames that may be missing at once
	next := -1
	for _, g := range got {
		// A clip is played several times over; whoever comes, comes during the first.
		from, until := 0, len(sent)
		if next >= 0 {
			from, until = next, min(len(sent), next+ahead)
		}
		at := slices.IndexFunc(sent[from:until], func(p packet) bool { return p.hash == g.hash })
		if at < 0 {
			c.alien++
			continue
		}
		if at += from; next < 0 {
			c.head = at
		} else if at > next {
			c.lost += at - next
			c.holes = append(c.holes, hole{next, at - next})
		}
		shifts = append(shifts, shift{sent[at].pts, g.pts - sent[at].pts})
		next = at + 1
	}
	c.tail = len(sent) - max(next, 0)
	return shifts
}

// times looks at the times of what came.
func (c *comparison) times(got []packet) {
	seen := make(map[time.Duration]bool)
	for i, g := range got {
		if i > 0 && g.dts <= got[i-1].dts {
			c.late++
		}
		if seen[g.pts] {
			c.doubled++
		}
		seen[g.pts] = true
	}
}

// apart is the most by which two tracks have been moved against each other.
func apart(video, audio []shift) (most time.Duration) {
	v := 0
	for _, a := range audio {
		for v+1 < len(video) && video[v+1].at <= a.at {
			v++
		}
		if v < len(video) && (video[v].at-a.at).Abs() < time.Second {
			most = max(most, (a.by - video[v].by).Abs())
		}
	}
	return most
}
