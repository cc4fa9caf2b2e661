package peers

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/rest"
	"weir/pipeline/instance"
)

// Host knows who publishes and who watches; an *instance.Host is one.
type Host interface {
	// Sessions lists the sessions of the stream at path, or of all streams if path is "".
	// It says whether the stream runs.
	Sessions(path string) ([]instance.Session, bool)
	// Dismiss ends a session, and says whether there was one of that ID.
	Dismiss(path, id, why string) bool
}

// Session is a publisher or a viewer.
type Session struct {
	ID     string `json:"id" doc:"Names the session. It tells nobody how to get at it."`
	Stream string `json:"stream" doc:"The path of the stream."`
	Stage  string `json:"stage" doc:"The stage that serves the session."`
	// Protocol is rtmp, rtmps, whip, whep or hls.
	Protocol  string    `json:"protocol" doc:"What the peer speaks: rtmp, rtmps, whip, whep, hls."`
	Remote    string    `json:"remote" doc:"The peer's address, with its port if it keeps one."`
	Agent     string    `json:"agent" doc:"What the peer calls itself."`
	Subject   string    `json:"subject" doc:"By whose permission it is here; empty if whoever comes has it."`
	Since     time.Time `json:"since"`
	Bytes     uint64    `json:"bytes" doc:"Payload so far, to viewers or from publishers."`
	Bitrate   int64     `json:"bitrate" doc:"In bit/s of late; 0 if unknown."`
	Publisher bool      `json:"publisher" doc:"It publishes; else it watches."`
	Detail    any       `json:"detail,omitempty" doc:"What else is known of the session; depends on the protocol."`
}

// MaxReason bounds what a peer is told, in bytes.
const MaxReason = 200

type listOfOne struct {
	Stream string `path:"stream" maxLength:"256" doc:"The stream's path, with %2F for its slashes."`
	rest.Paging
}

type listOfAll struct{ rest.Paging }

type list struct{ Body *rest.Page[Session] }

type dismissal struct {
	Stream  string `path:"stream" maxLength:"256" doc:"The stream's path, with %2F for its slashes."`
	Session string `path:"session" maxLength:"64"`
	Reason  string `query:"reason" maxLength:"200" doc:"What the peer is told, where its protocol has words."`
}

// Register adds the operations.
func Register(api *rest.API, host Host) {
	huma.Register(api, rest.Operation(rest.Read, http.MethodGet, "/sessions", "list-sessions", "List the publishers and viewers of all streams"),
		func(ctx context.Context, in *listOfAll) (*list, error) {
			all, _ := host.Sessions("")
			caller := rest.CallerOf(ctx)
			return page(in.Paging, slices.DeleteFunc(all, func(s instance.Session) bool { return !caller.Sees(s.Path) }))
		})
	huma.Register(api, rest.Operation(rest.Read, http.MethodGet, "/streams/{stream}/sessions", "list-stream-sessions", "List the publishers and viewers of a stream"),
		func(_ context.Context, in *listOfOne) (*list, error) {
			all, ok := host.Sessions(in.Stream)
			if !ok || in.Stream == "" {
				return nil, offline()
			}
			return page(in.Paging, all)
		})
	op := rest.Operation(rest.Operate, http.MethodDelete, "/streams/{stream}/sessions/{session}", "dismiss-session", "Send a publisher or viewer away")
	op.DefaultStatus = http.StatusNoContent
	op.Description = "Publishers are told the reason by RTMP. A viewer of HLS is refused for a minute."
	huma.Register(api, op, func(ctx context.Context, in *dismissal) (*struct{}, error) {
		reason := cmp.Or(in.Reason, "The session has been ended by the operator.")
		if in.Stream == "" || !host.Dismiss(in.Stream, in.Session, reason) {
			return nil, rest.Fail(http.StatusNotFound, "no_session", "The session has ended, or there was none. List the stream's sessions to see who is there.")
		}
		return nil, nil
	})
}

func offline() error {
	return rest.Fail(http.StatusNotFound, "stream_offline", "There is no stream at this path at present.")
}

// page cuts one out of all sessions, the oldest of each stream first.
func page(p rest.Paging, all []instance.Session) (*list, error) {
	slices.SortFunc(all, func(a, b instance.Session) int { return strings.Compare(key(a), key(b)) })
	cut, err := rest.PageOf(p, all, key)
	if err != nil {
		return nil, err
	}
	out := &rest.Page[Session]{Items: make([]Session, len(cut.Items)), Next: cut.Next}
	for i, s := range cut.Items {
		out.Items[i] = shown(s)
	}
	return &list{out}, nil
}

// key orders sessions by stream and age.
func key(s instance.Session) string {
	return s.Path + " " + s.Since.UTC().Format("2006-01-02T15:04:05.000000000Z") + " " + s.ID
}

func shown(s instance.Session) Session {
	remote := ""
	switch {
	case s.Remote.Port() != 0:
		remote = s.Remote.String()
	case s.Remote.Addr().IsValid():
		remote = s.Remote.Addr().String()
	}
	return Session{
		ID: s.ID, Stream: s.Path, Stage: s.Stage, Protocol: s.Protocol, Remote: remote, Agent: s.Agent, Subject: s.Subject,
		Since: s.Since.UTC(), Bytes: s.Bytes, Bitrate: s.Bitrate, Publisher: s.Publisher, Detail: s.Detail,
	}
}

var _ Host = (*instance.Host)(nil)
