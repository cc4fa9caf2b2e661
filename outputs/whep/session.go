package whep

import (
	"encoding/json"
	"net/http"

	"weir/outputs/whep/negotiate"
	"weir/pipeline/media"
)

const (
	// mostPatches bounds the fragments of one session.
	mostPatches = 20
	// autoLayer leaves the layer to the estimate.
	autoLayer = "auto"
	// mostChoice bounds the choice of a layer in bytes.
	mostChoice = 1 << 10
)

// leave ends a session.
func (st *seat) leave(why string) { st.shard.send(command{session: st.session, leave: why}) }

// patch takes trickled candidates, which an ICE-lite endpoint has no use for, or an
// ICE restart (RFC 9725 section 4.3).
func (d *desk) patch(w http.ResponseWriter, r *http.Request, _ *house, st *seat) error {
	text, err := body(w, r, fragmentType, negotiate.MaxSDP)
	if err != nil {
		return err
	}
	f, err := negotiate.ParseFragment(text)
	if err != nil {
		return err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	match := r.Header.Get("If-Match")
	restart := f.Ufrag != "" && f.Ufrag != st.ufrag
	if st.patches++; st.patches > mostPatches {
		return errPatches
	}
	switch {
	case match == "":
		return errPrecondition
	case match != st.etag && (match != "*" || !restart):
		return errMismatch
	case !restart:
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	credentials, err := st.session.Restart(f.Ufrag)
	if err != nil {
		return errNoSession
	}
	st.ufrag, st.etag = f.Ufrag, newTag()
	w.Header().Set("ETag", st.etag)
	w.Header().Set("Content-Type", fragmentType)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(negotiate.Restarted(credentials.Ufrag, credentials.Password, d.candidates(addressOf(r))))
	return nil
}

// remove ends a session.
func (d *desk) remove(w http.ResponseWriter, _ *http.Request, h *house, st *seat) error {
	st.leave(endedViewer)
	h.release(st)
	w.WriteHeader(http.StatusOK)
	return nil
}

// menu is what a player shows.
type menu struct {
	// Choice is the name of the layer that the viewer has chosen, or "auto".
	Choice string      `json:"choice"`
	Layers []menuLayer `json:"layers"`
}

type menuLayer struct {
	Name    string  `json:"encodingId"`
	Width   int     `json:"width,omitempty"`
	Height  int     `json:"height,omitempty"`
	FPS     float64 `json:"fps,omitempty"`
	Bitrate int64   `json:"bitrate,omitempty"`
}

// layers answers with the layers of the video that a viewer watches.
func (d *desk) layers(w http.ResponseWriter, _ *http.Request, h *house, st *seat) error {
	st.mu.Lock()
	m := menu{Choice: st.wanted, Layers: []menuLayer{}}
	st.mu.Unlock()
	if m.Choice == "" {
		m.Choice = autoLayer
	}
	now := h.feed.now.Load()
	for _, s := range st.streams {
		t := now.track(s.Track.ID)
		if t == nil || t.Kind() != media.KindVideo {
			continue
		}
		for i, l := range t.Layers {
			e := menuLayer{Name: l.Name, Width: l.Width, Height: l.Height, FPS: l.FPS, Bitrate: l.Bitrate}
			if rate := now.flow(t.ID, int8(i)).bitrate.Load(); rate > 0 {
				e.Bitrate = rate
			}
			m.Layers = append(m.Layers, e)
		}
		break
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(text)
	return nil
}

// choose takes a viewer's choice of a layer, as the WHEP extension for layers has it:
// {"encodingId": "hd"}, or "auto".
func (d *desk) choose(w http.ResponseWriter, r *http.Request, h *house, st *seat) error {
	text, err := body(w, r, "application/json", mostChoice)
	if err != nil {
		return err
	}
	var choice struct {
		Layer string `json:"encodingId"`
	}
	if err := json.Unmarshal(text, &choice); err != nil {
		return errBody
	}
	wanted, err := layerOf(choice.Layer, h.feed.now.Load())
	if err != nil {
		return err
	}
	st.mu.Lock()
	st.wanted = wanted
	st.mu.Unlock()
	st.shard.send(command{session: st.session, wanted: wanted})
	w.WriteHeader(http.StatusOK)
	return nil
}

// layerOf is the name of a layer that there is, or "" for "auto".
func layerOf(name string, now *lineup) (string, error) {
	if name == "" || name == autoLayer {
		return "", nil
	}
	for _, t := range now.tracks {
		if _, ok := layerNamed(t, name); ok {
			return name, nil
		}
	}
	return "", errLayer
}
