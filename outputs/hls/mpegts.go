package hls

import (
	"bytes"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"

	"weir/pipeline/media"
)

// transport muxes a layer of video with audio beside it, or audio alone, into an
// MPEG transport stream (ISO/IEC 13818-1). Timestamps wrap there, as readers
// expect.
type transport struct {
	w       *mpegts.Writer
	buf     bytes.Buffer
	streams map[media.TrackID]*elementary
	// main is the track that PCRs go with: the first one written, to the writer.
	// What comes before its first unit waits in early.
	main   media.TrackID
	begun  bool
	early  []*media.Unit
	failed error
}

// elementary is one track in a transport stream.
type elementary struct {
	track *mpegts.Track
	// sets go in front of every key unit.
	sets [][]byte
	// write adds one access unit. Times are in ticks of 90 kHz.
	write func(w *mpegts.Writer, e *elementary, pts, dts int64, access [][]byte) error
}

// newTransport starts a transport stream of track t's layer and of all of beside.
func newTransport(t *media.Track, layer int8, beside []*media.Track) (*transport, error) {
	m := &transport{main: t.ID, streams: make(map[media.TrackID]*elementary)}
	m.w = &mpegts.Writer{W: &m.buf}
	add := func(t *media.Track, layer int8) error {
		e, err := newElementary(t, layer)
		if err != nil {
			return err
		}
		m.streams[t.ID] = e
		m.w.Tracks = append(m.w.Tracks, e.track)
		return nil
	}
	if err := add(t, layer); err != nil {
		return nil, err
	}
	for _, t := range beside {
		if err := add(t, 0); err != nil {
			return nil, err
		}
	}
	if err := m.w.Initialize(); err != nil {
		return nil, fmt.Errorf("start a transport stream: %w", err)
	}
	return m, nil
}

func (m *transport) begin() {
	if _, err := m.w.WriteTables(); err != nil {
		m.failed = err
	}
}

func (m *transport) write(u *media.Unit, _ media.Ticks) {
	switch {
	case m.begun:
		m.add(u)
	case u.Track.ID == m.main:
		m.begun = true
		m.add(u)
		for _, e := range m.early {
			m.add(e)
		}
		m.early = nil
	case len(m.early) < maxPending:
		m.early = append(m.early, u)
	}
}

func (m *transport) add(u *media.Unit) {
	e := m.streams[u.Track.ID]
	if e == nil {
		return
	}
	access := u.Access
	if u.Flags.Has(media.Key) && len(e.sets) > 0 {
		access = append(e.sets[:len(e.sets):len(e.sets)], access...)
	}
	at := func(t media.Ticks) int64 {
		return int64(media.Rescale(t, u.Track.Rate, media.VideoRate) + origin*media.Ticks(media.VideoRate))
	}
	if err := e.write(m.w, e, at(u.PTS), at(u.DTS), access); err != nil {
		m.failed = err
	}
}

func (m *transport) flush() (*piece, error) {
	err := m.failed
	m.failed = nil
	if m.buf.Len() == 0 {
		return nil, err
	}
	b := bytes.Clone(m.buf.Bytes())
	m.buf.Reset()
	return made(b), err
}

// transportCarries says why a transport stream cannot carry a layer; nil if it can.
func transportCarries(t *media.Track, layer int8) error {
	_, err := newElementary(t, layer)
	return err
}
