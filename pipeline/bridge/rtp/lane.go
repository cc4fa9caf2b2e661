package rtp

import (
	"fmt"
	"slices"

	payload "weir/pipeline/bitstream/rtp"
	"weir/pipeline/media"
)

// lane leads one track through the bridge.
type lane struct {
	in, out *media.Track
	layers  []*payload.Packetizer // nil for a track that passes untouched
}

// lanes are those of the tracks in force.
type lanes []*lane

func (ls lanes) of(t *media.Track) *lane {
	if i := slices.IndexFunc(ls, func(l *lane) bool { return l.in == t }); i >= 0 {
		return ls[i]
	}
	return nil
}

// follow is the lanes for another set of tracks, and why some have none. Sequence
// numbers go on where a track changes.
func (ls lanes) follow(set *media.TrackSet, mtu int) (next lanes, leftOut []string) {
	for _, t := range set.Tracks {
		if l := ls.of(t); l != nil {
			next = append(next, l)
			continue
		}
		l := &lane{in: t, out: t}
		if t.Form == media.FormAccess {
			var err error
			if l, err = ls.packets(t, mtu); err != nil {
				leftOut = append(leftOut, fmt.Sprintf("%s: %v", t.ID, err))
				continue
			}
		}
		next = append(next, l)
	}
	return next, leftOut
}

// packets is a lane for a track of access units.
func (ls lanes) packets(t *media.Track, mtu int) (*lane, error) {
	out := *t
	out.Form = media.FormRTP
	l := &lane{in: t, out: &out}
	if i := slices.IndexFunc(ls, func(o *lane) bool { return o.in.ID == t.ID }); i >= 0 {
		l.layers = slices.Clone(ls[i].layers)
	}
	for i := range max(1, len(t.Layers)) {
		if i < len(l.layers) {
			if err := l.layers[i].SetTrack(l.out); err != nil {
				return nil, err
			}
			continue
		}
		p, err := payload.NewPacketizer(l.out, int8(i), mtu)
		if err != nil {
			return nil, err
		}
		l.layers = append(l.layers, p)
	}
	return l, nil
}

// packetize appends to dst what u becomes.
func (l *lane) packetize(dst []*media.Unit, u *media.Unit) []*media.Unit {
	if l.layers == nil {
		return append(dst, u)
	}
	if int(u.Layer) >= len(l.layers) || u.Layer < 0 {
		return dst
	}
	return l.layers[u.Layer].Packetize(dst, u)
}

func (ls lanes) set() *media.TrackSet {
	s := &media.TrackSet{}
	for _, l := range ls {
		s.Tracks = append(s.Tracks, l.out)
	}
	return s
}
