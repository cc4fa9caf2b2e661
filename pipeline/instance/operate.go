package instance

import (
	"errors"

	"weir/pipeline"
	"weir/pipeline/media"
)

// ErrAlways says that an instance runs for as long as it is declared.
var ErrAlways = errors.New("this stream always runs: take its pipeline out of the configuration to end it")

// runningAt is the instance at path, or nil.
func (h *Host) runningAt(path string) *instance {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.instances[path]
}

// End tells the sources of the instance at path to end. A publisher may come again.
func (h *Host) End(path string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := h.instances[path]
	switch {
	case i == nil:
		return ErrOffline
	case i.plan.Def.When == pipeline.Always:
		return ErrAlways
	}
	i.cancel()
	return nil
}

// Control tells a stage of the instance at path to change; see [pipeline.Graph.Control].
func (h *Host) Control(path, stage string, body []byte) error {
	i := h.runningAt(path)
	if i == nil {
		return ErrOffline
	}
	return i.graph.Control(stage, body) //nolint:wrapcheck // it is the stage's sentence
}

// Still is a picture of the instance at path; see [pipeline.Graph.Still]. It is nil if
// there is none.
func (h *Host) Still(path string) *media.Unit {
	i := h.runningAt(path)
	if i == nil {
		return nil
	}
	return i.graph.Still()
}

// Preview is what a stage of another plan would get of the instance at path; see
// [pipeline.Graph.Preview]. Nothing arrives if none runs.
func (h *Host) Preview(path string, plan *pipeline.Plan, stage string) pipeline.Preview {
	i := h.runningAt(path)
	if i == nil {
		return pipeline.Preview{}
	}
	return i.graph.Preview(plan, stage)
}
