package observe

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"weir/control/rest"
	"weir/pipeline"
)

// topics are what somebody wants to hear of.
type topics struct {
	caller  *rest.Caller
	kinds   []string // patterns of package path for the types of events
	stats   bool
	streams bool
	graphs  []string // paths
}

// Bounds of what one connection may ask for.
const (
	maxTopics = 64
	maxGraphs = 16
	maxTopic  = 512 // bytes
)

// parseTopics reads a list such as "stats,graph:live/studio,stream.*"; "" is all events.
func parseTopics(list string, caller *rest.Caller) (*topics, error) {
	t := &topics{caller: caller}
	if list == "" {
		list = "*"
	}
	all := strings.Split(list, ",")
	if len(all) > maxTopics {
		return nil, rest.Fail(http.StatusUnprocessableEntity, "too_many_topics", "Ask for fewer topics at once, or for a pattern such as stream.*.")
	}
	for _, topic := range all {
		if err := t.add(strings.TrimSpace(topic)); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *topics) add(topic string) error {
	stream, graph := strings.CutPrefix(topic, "graph:")
	_, bad := path.Match(topic, "")
	switch {
	case topic == "stats":
		t.stats = true
	case topic == "streams":
		t.streams = true
	case graph && pipeline.ValidPath(stream) != nil:
		return rest.Fail(http.StatusUnprocessableEntity, "invalid_topic", "Behind graph: stands the path of a stream, such as graph:live/studio.")
	case graph && !t.caller.Sees(stream):
		return rest.Fail(http.StatusForbidden, "forbidden", "The credentials are for other streams.")
	case graph && len(t.graphs) >= maxGraphs:
		return rest.Fail(http.StatusUnprocessableEntity, "too_many_topics", "Ask for fewer graphs at once.")
	case graph:
		t.graphs = append(t.graphs, stream)
	case topic == "" || bad != nil || len(topic) > maxTopic:
		return rest.Fail(http.StatusUnprocessableEntity, "invalid_topic", "A topic is stats, streams, graph: with a stream's path, a type of events, or a pattern of types such as output.*.")
	default:
		t.kinds = append(t.kinds, topic)
	}
	return nil
}

// samples says whether anything of it comes from Samples.
func (t *topics) samples() bool { return t.stats || t.streams || len(t.graphs) > 0 }

// wants says whether an event is among what is asked for, and one that the caller may
// know of. Who is bound to streams hears of these only.
func (t *topics) wants(e *Event) bool {
	if e.Stream == "" && t.caller.Streams != nil || e.Stream != "" && !t.caller.Sees(e.Stream) {
		return false
	}
	return slices.ContainsFunc(t.kinds, func(kind string) bool { return Matches(kind, e.Type) })
}

// Matches says whether a type of events fits a pattern, such as stream.* or *.
func Matches(pattern, kind string) bool {
	ok, err := path.Match(pattern, kind)
	return ok && err == nil
}
