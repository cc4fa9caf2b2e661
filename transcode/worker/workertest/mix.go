package workertest

import (
	"encoding/json"
	"strconv"
	"strings"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
	"weir/transcode/wire"
)

// mix is what the worker knows of a canvas. It draws nothing: the pictures that it makes
// are a Canvas as JSON, one for each that an input gives.
type mix struct {
	scene   wire.Scene
	sprites map[uint16]wire.Sprite
	last    map[media.TrackID]media.Ticks // of what is made
	levels  map[media.TrackID]float64
}

// Canvas is what a picture of a mix says.
type Canvas struct {
	wire.Scene

	// Missing are sprites of the scene that were not given.
	Missing []uint16 `json:"missing"`
}

// Level is sound that is so loud, in dB below full scale, for the worker to report.
func Level(dB float64) []byte { return []byte(strconv.FormatFloat(dB, 'f', -1, 64) + " dB") }

func (m *mix) keep(s wire.Sprite) {
	if m.sprites == nil {
		m.sprites = make(map[uint16]wire.Sprite)
	}
	if m.sprites[s.ID] = s; s.Width == 0 {
		delete(m.sprites, s.ID)
	}
}

// programme is what is made of a mix.
func programme(job wire.Job) *media.TrackSet {
	sound := &media.Track{
		ID: "audio", Codec: media.CodecOpus, Form: media.FormAccess, Rate: media.OpusRate, Channels: 2, Config: bitstream.OpusHead(2, 312),
	}
	picture := &media.Track{ID: "video", Codec: media.CodecH264, Form: media.FormAccess, Rate: media.VideoRate}
	for _, l := range job.Video.Layers {
		picture.Layers = append(picture.Layers, media.Layer{Name: l.Name, Width: l.Width, Height: l.Height, FPS: job.Mix.FPS, Bitrate: l.Bitrate})
	}
	return &media.TrackSet{Tracks: []*media.Track{picture, sound}}
}

// mixed makes something of a unit, unless something later was made already.
func (w *fake) mixed(u *media.Unit) error {
	made := *u
	made.Layer = 0
	if made.Track = w.set.Track("audio"); u.Kind() == media.KindVideo {
		made.Track = w.set.Track("video")
		text, err := json.Marshal(w.mix.canvas())
		if err != nil {
			return err
		}
		made.Access = [][]byte{text}
	} else if dB, ok := strings.CutSuffix(string(u.Access[0]), " dB"); ok {
		if w.mix.levels == nil {
			w.mix.levels = make(map[media.TrackID]float64)
		}
		w.mix.levels[u.Track.ID], _ = strconv.ParseFloat(dB, 64)
		if err := w.out.Write(wire.Levels{Of: w.mix.levels}); err != nil {
			return err
		}
	}
	at := media.Rescale(u.PTS, u.Track.Rate, made.Track.Rate)
	if last, ok := w.mix.last[made.Track.ID]; ok && at <= last {
		return nil
	}
	if w.mix.last == nil {
		w.mix.last = make(map[media.TrackID]media.Ticks)
	}
	w.mix.last[made.Track.ID] = at
	made.PTS, made.DTS = at, at
	made.Flags |= media.Key
	for i := range max(1, len(made.Track.Layers)) {
		layer := made
		layer.Layer = int8(i)
		if err := w.out.Write(wire.Unit{Unit: &layer}); err != nil {
			return err
		}
	}
	return nil
}

// canvas is what is shown now.
func (m *mix) canvas() Canvas {
	c := Canvas{Scene: m.scene}
	for _, p := range m.scene.Sprites {
		if _, ok := m.sprites[p.Sprite]; !ok {
			c.Missing = append(c.Missing, p.Sprite)
		}
	}
	return c
}
