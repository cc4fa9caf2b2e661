package hls

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"weir/pipeline/media"
)

// maxAudio bounds the audio renditions.
const maxAudio = 16

// tracks takes a new TrackSet. If it changes what is carried, the next timeline
// waits for a key unit of its lead.
func (s *segmenter) tracks(set *media.TrackSet) {
	starts := make(map[*lane]*media.Track)
	var video *media.Track
	for _, t := range set.Tracks {
		switch err := s.refuse(t); {
		case err != nil:
			s.notes.leaveOut(t, err)
		case t.Kind() == media.KindVideo && video != nil:
			s.notes.leaveOut(t, errors.New("one video track is carried, with all its layers"))
		case t.Kind() == media.KindVideo:
			video = t
			for i := range t.Layers {
				starts[s.lane(videoName(t, i), t, int8(i))] = t
			}
		}
	}
	heard := 0
	for _, t := range set.Tracks {
		switch {
		case t.Kind() != media.KindAudio || s.refuse(t) != nil:
		case heard == maxAudio:
			s.notes.leaveOut(t, fmt.Errorf("at most %d audio tracks are carried", maxAudio))
		default:
			heard++
			starts[s.audioLane(t, video != nil)] = t
		}
	}
	to := s.leadOf(starts)
	if s.started && s.lead.kind == media.KindVideo && starts[s.lead] != nil {
		to = s.lead // whoever outran another one goes on
	}
	if to == nil {
		return // nothing to carry: what there is goes on waiting
	}
	for _, l := range s.lanes {
		if starts[l] == nil {
			l.id = ""
		}
	}
	s.to, s.starts = to, starts
	s.waiting = !s.started || s.broken || to != s.lead || s.changes(starts)
}

// refuse says why a track cannot be carried.
func (s *segmenter) refuse(t *media.Track) error {
	if t.Kind() == media.KindVideo && len(t.Layers) == 0 {
		return errors.New("no layers")
	}
	for i := range max(1, len(t.Layers)) {
		if err := s.cfg.carries(t, int8(i)); err != nil {
			return err
		}
	}
	return nil
}

// changes says whether the tracks need another timeline. A track that is missing
// does not: its rendition goes on, silent or with gaps.
func (s *segmenter) changes(starts map[*lane]*media.Track) bool {
	for l, t := range starts {
		if !sameConfig(l.track, t, l.layer) {
			return true
		}
		l.track = t
	}
	return false
}

// leadOf is the lane of the first video layer, or else of the first audio track.
func (s *segmenter) leadOf(starts map[*lane]*media.Track) *lane {
	var lead *lane
	for _, l := range s.lanes {
		switch {
		case starts[l] == nil:
		case l.kind == media.KindVideo && l.layer == 0:
			return l
		case lead == nil:
			lead = l
		}
	}
	return lead
}

// lane is the lane of that name, made if need be.
func (s *segmenter) lane(name string, t *media.Track, layer int8) *lane {
	if i := slices.IndexFunc(s.lanes, func(l *lane) bool { return l.name == name }); i >= 0 {
		l := s.lanes[i]
		l.id, l.layer = t.ID, layer
		return l
	}
	l := &lane{name: name, id: t.ID, layer: layer, kind: t.Kind(), heard: s.frontier}
	l.at.msn = s.current.msn
	l.cut = &cutter{time: &s.time}
	s.lanes = append(s.lanes, l)
	return l
}

// audioLane is the lane of an audio track: a rendition of its own, or a passenger.
func (s *segmenter) audioLane(t *media.Track, video bool) *lane {
	if s.cfg.fmp4() || !video {
		return s.lane(audioName(t), t, 0)
	}
	l := s.lane(audioName(t)+"+", t, 0)
	l.passenger, l.cut = true, nil
	return l
}

// videoName names the rendition of a video layer.
func videoName(t *media.Track, layer int) string {
	if name := t.Layers[layer].Name; name != "" {
		return "video-" + name
	}
	return "video"
}

// audioName names the rendition of an audio track.
func audioName(t *media.Track) string {
	if strings.HasPrefix(string(t.ID), "audio") {
		return string(t.ID)
	}
	return "audio-" + string(t.ID)
}
