package observe

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"weir/control/rest"
	"weir/pipeline"
)

// Resources are the parts of the API that show what goes on.
type Resources struct {
	Observer *Observer
	// Plans are the definitions in force.
	Plans func() []*pipeline.Plan

	places chan struct{} // of listeners
}

// Register adds them to an API.
func Register(api *rest.API, o *Observer, plans func() []*pipeline.Plan) {
	r := &Resources{Observer: o, Plans: plans, places: make(chan struct{}, maxListeners)}
	huma.Register(api, rest.Operation(rest.Read, http.MethodGet, "/pipelines/{id}/graph", "get-pipeline-graph",
		"The graph of a pipeline, by its pattern or by the path of one of its streams"), r.pipelineGraph)
	huma.Register(api, rest.Operation(rest.Read, http.MethodGet, "/streams/{stream}/graph", "get-stream-graph",
		"The graph of a running stream, with what flows over each edge"), r.streamGraph)
	huma.Register(api, rest.Operation(rest.Read, http.MethodGet, "/events/log", "list-events",
		"The latest events, newest first"), r.list)
	op := rest.Operation(rest.Read, http.MethodGet, "/events", "listen-events", "Events as they happen, and figures by the second")
	op.Description = "Server-sent events. Topics are types of events (stream.started, output.*), `stats` and `streams` (what has changed of the streams' " +
		"figures and of the rest of them) and `graph:live/studio` (what has changed of a graph); the first message of the last three is whole. " +
		"With Last-Event-ID, what came behind that event is sent first. The event `lost` says that something is missing."
	op.Responses = map[string]*huma.Response{"200": {
		Description: "Events",
		Content: map[string]*huma.MediaType{"text/event-stream": {
			Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Event](), true, "Event"),
		}},
	}}
	huma.Register(api, op, r.listen)
}

type graphOut struct{ Body *Graph }

type pipelineIn struct {
	ID string `path:"id" doc:"A pattern, such as live/{name}, or the path of a stream."`
}

func (r *Resources) pipelineGraph(ctx context.Context, in *pipelineIn) (*graphOut, error) {
	caller := rest.CallerOf(ctx)
	if !caller.Sees(in.ID) {
		return nil, rest.Fail(http.StatusForbidden, "forbidden", "The credentials are for other streams.")
	}
	if g := r.Observer.Now().Graph(in.ID); g != nil {
		return &graphOut{g}, nil
	}
	for _, plan := range r.Plans() {
		_, fits := plan.Def.Pattern.Match(in.ID)
		if !fits && plan.Def.Pattern.String() != in.ID {
			continue
		}
		g := Declared(plan)
		if fits {
			g.Path = in.ID
		}
		return &graphOut{g}, nil
	}
	return nil, rest.Fail(http.StatusNotFound, "not_found", "No pipeline is declared for this path.")
}

type streamIn struct {
	Stream string `path:"stream"`
}

func (r *Resources) streamGraph(_ context.Context, in *streamIn) (*graphOut, error) {
	if g := r.Observer.Now().Graph(in.Stream); g != nil {
		return &graphOut{g}, nil
	}
	return nil, rest.Fail(http.StatusNotFound, "stream_offline", "Nobody is publishing this stream.")
}

type logIn struct {
	rest.Paging
	Stream string `query:"stream" maxLength:"512" doc:"Only of this stream."`
	Types  string `query:"types" maxLength:"512" doc:"Only of these types, patterns allowed: output.*,stream.stopped"`
}

type logOut struct{ Body *rest.Page[Event] }

func (r *Resources) list(ctx context.Context, in *logIn) (*logOut, error) {
	t, err := parseTopics(in.Types, rest.CallerOf(ctx))
	if err != nil {
		return nil, err
	}
	var all []Event
	for _, e := range r.Observer.Log().Latest() {
		if t.wants(&e) && (in.Stream == "" || e.Stream == in.Stream) {
			all = append(all, e)
		}
	}
	page, err := rest.PageOf(in.Paging, all, func(e Event) string { return backwards(e.ID) })
	if err != nil {
		return nil, err
	}
	return &logOut{page}, nil
}

// backwards turns the order of IDs round.
func backwards(id string) string {
	return strings.Map(func(r rune) rune {
		if i := strings.IndexRune(alphabet, r); i >= 0 {
			return rune(alphabet[len(alphabet)-1-i])
		}
		return r
	}, id)
}

type listenIn struct {
	Topics string `query:"topics" maxLength:"8192" doc:"What to hear of, separated by commas; all events if it is left out." example:"stats,graph:live/studio,output.*"`
	After  string `header:"Last-Event-ID" maxLength:"64" doc:"The ID of the last event that was received."`
}

func (r *Resources) listen(ctx context.Context, in *listenIn) (*huma.StreamResponse, error) {
	t, err := parseTopics(in.Topics, rest.CallerOf(ctx))
	if err != nil {
		return nil, err
	}
	select {
	case r.places <- struct{}{}:
	default:
		return nil, full()
	}
	f := r.Observer.listen(t, in.After)
	return &huma.StreamResponse{Body: func(ctx huma.Context) { //nolint:contextcheck // that of the request, which the library hands over
		defer func() { <-r.places }()
		_, w := humago.Unwrap(ctx)
		f.serve(ctx.Context(), w)
	}}, nil
}
