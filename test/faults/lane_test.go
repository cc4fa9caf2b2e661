//go:build e2e

package faults

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"weir/pipeline/media"
)

// sample is a frame as a viewer got it.
type sample struct {
	mark
	marked        bool   // else the frame is not one of ours: silence that was filled in
	hash          string // of its bytes
	key           bool
	pts, dts, dur time.Duration
	cc            uint64 // discontinuities before it
	msn           uint64
	init          string
	arrived       time.Time
}

// lane follows one media playlist.
type lane struct {
	v     *viewer
	name  string
	inits map[string]uint32 // time scales

	next     uint64 // the segment to take
	taken    int    // parts of it that have been
	begun    bool
	newest   uint64
	duration time.Duration // of what was taken of it
	end      time.Duration // where that ends

	// Under v.mu.
	got             []sample
	discontinuities uint64
	segments        int
	missed          uint64 // segments that were gone before they could be taken
	ended           bool
}

// run follows the playlist to its end.
func (l *lane) run() {
	query := ""
	for l.v.ctx.Err() == nil {
		body, code := l.v.fetch(l.name + query)
		switch code {
		case http.StatusOK:
		case http.StatusServiceUnavailable: // stalled
			l.v.wait(300 * time.Millisecond)
			continue
		default:
			l.v.complain("GET %s%s: status %d", l.name, query, code)
			l.v.wait(300 * time.Millisecond)
			continue
		}
		p, err := parsePlaylist(string(body))
		if err != nil {
			l.v.complain("%s: %v", l.name, err)
			return
		}
		l.take(p)
		if p.ended {
			l.v.mu.Lock()
			l.ended = true
			l.v.mu.Unlock()
			return
		}
		query = l.reload(p)
	}
}

// reload is the query of the next request; where the server cannot wait we do.
func (l *lane) reload(p *playlist) string {
	if !p.blocking {
		l.v.wait(p.target / 4)
		return ""
	}
	msn, parts := p.edge()
	if l.v.plain {
		return fmt.Sprintf("?_HLS_msn=%d", msn)
	}
	return fmt.Sprintf("?_HLS_msn=%d&_HLS_part=%d", msn, parts)
}

// take takes what is new.
func (l *lane) take(p *playlist) {
	if len(p.segments) == 0 {
		return
	}
	if l.begun && p.newest() < l.newest {
		l.v.complain("%s: the newest segment was %d and is %d", l.name, l.newest, p.newest())
	}
	l.newest = p.newest()
	if !l.begun {
		l.begun, l.next = true, p.msn
	}
	if p.msn > l.next {
		l.v.mu.Lock()
		l.missed += p.msn - l.next
		l.v.mu.Unlock()
		l.next, l.taken, l.duration = p.msn, 0, 0
	}
	cc := p.cc
	for i, s := range p.segments {
		if s.discontinuity {
			cc++
		}
		msn := p.msn + uint64(i)
		if s.duration.Round(time.Second) > p.target || s.longest > p.part {
			l.v.complain("%s: segment %d lasts %v, a part of it %v; TARGETDURATION is %v, PART-TARGET %v",
				l.name, msn, s.duration, s.longest, p.target, p.part)
		}
		if msn < l.next || s.uri == "" && l.v.plain {
			continue
		}
		l.takeSegment(s, msn, cc)
	}
	l.v.mu.Lock()
	l.discontinuities = cc
	l.v.mu.Unlock()
}

func (l *lane) takeSegment(s segment, msn, cc uint64) {
	whole := s.uri != ""
	switch {
	case s.gap:
	case whole && (l.v.plain || len(s.parts) == 0):
		// Some of it may have been taken as parts, which are not listed any more.
		l.takeMedia(s.uri, s.init, msn, cc)
	default:
		for _, uri := range s.parts[min(l.taken, len(s.parts)):] {
			if uri != "" { // it is there
				l.takeMedia(uri, s.init, msn, cc)
			}
			l.taken++
		}
	}
	if !whole {
		return
	}
	if off := s.duration - l.duration; !s.gap && off.Abs() > 2*time.Millisecond {
		l.v.complain("%s: segment %d is said to last %v, and lasts %v", l.name, msn, s.duration, l.duration)
	}
	l.next, l.taken, l.duration = msn+1, 0, 0
	l.v.mu.Lock()
	l.segments++
	l.v.mu.Unlock()
}

// takeMedia takes a part or a segment.
func (l *lane) takeMedia(uri, init string, msn, cc uint64) {
	body, code := l.v.fetch(uri)
	arrived := time.Now()
	if code != http.StatusOK {
		l.v.complain("GET %s: status %d", uri, code)
		return
	}
	if l.duration == 0 {
		l.end = 0
	}
	scale := l.scale(init)
	var parts fmp4.Parts
	if err := parts.Unmarshal(body); err != nil || scale == 0 {
		l.v.complain("%s: %v", uri, err)
		return
	}
	rate := media.Rate(scale)
	l.v.mu.Lock()
	defer l.v.mu.Unlock()
	for _, p := range parts {
		for _, t := range p.Tracks {
			at := media.Ticks(t.BaseTime)
			for _, s := range t.Samples {
				end := at + media.Ticks(s.Duration)
				if rate.Duration(at) < l.end {
					at = end
					continue
				}
				hash := md5.Sum(s.Payload)
				m, marked := markIn(s.Payload)
				l.got = append(l.got, sample{
					mark: m, marked: marked, hash: hex.EncodeToString(hash[:]), key: !s.IsNonSyncSample,
					dts: rate.Duration(at), pts: rate.Duration(at + media.Ticks(s.PTSOffset)), dur: rate.Duration(end) - rate.Duration(at),
					cc: cc, msn: msn, init: init, arrived: arrived,
				})
				l.duration += rate.Duration(end) - rate.Duration(at)
				at, l.end = end, rate.Duration(end)
			}
		}
	}
}

// scale is the time scale of an init section, or 0 if there is something wrong.
func (l *lane) scale(name string) uint32 {
	if scale, ok := l.inits[name]; ok {
		return scale
	}
	body, code := l.v.fetch(name)
	if code != http.StatusOK {
		l.v.complain("GET %s: status %d", name, code)
		return 0
	}
	var init fmp4.Init
	if err := init.Unmarshal(bytes.NewReader(body)); err != nil || len(init.Tracks) != 1 {
		l.v.complain("%s: %d tracks, %v", name, len(init.Tracks), err)
		return 0
	}
	l.inits[name] = init.Tracks[0].TimeScale
	return init.Tracks[0].TimeScale
}
