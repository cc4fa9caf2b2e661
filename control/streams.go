package control

import (
	"encoding/json"
	"net/http"
	"net/netip"

	"weir/pipeline/instance"
)

// Stream is one entry of the list of streams.
type Stream struct {
	Path    string `json:"path"`
	State   string `json:"state"`
	Viewers int    `json:"viewers"`
	// Stages are for whoever asks from this machine: they name peers.
	Stages []Stage `json:"stages,omitempty"`
}

// Stage is a stage of a running stream.
type Stage struct {
	Name   string `json:"name"`
	Use    string `json:"use"`
	State  string `json:"state"`
	Error  string `json:"error,omitempty"`
	Detail any    `json:"detail,omitempty"`
}

// Streams serves the list of running streams as JSON, ordered by path.
func Streams(streams func() []instance.Snapshot) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		local := err == nil && peer.Addr().Unmap().IsLoopback()
		list := []Stream{}
		for _, s := range streams() {
			list = append(list, stream(s, local))
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(list) // a client that is gone needs no answer
	})
}

func stream(s instance.Snapshot, stages bool) Stream {
	out := Stream{Path: s.Path, State: s.State.String(), Viewers: s.Viewers}
	if !stages {
		return out
	}
	for _, st := range s.Stages {
		stage := Stage{Name: st.Name, Use: st.Use, State: st.State.String(), Detail: st.Detail}
		if st.Failure != nil {
			stage.Error = st.Failure.Error()
		}
		out.Stages = append(out.Stages, stage)
	}
	return out
}
