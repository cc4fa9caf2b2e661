package hook

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// encode is the question in the service's form.
func (h *Hook) encode(q Question) (body, kind string) {
	switch h.config.Form {
	case NginxRTMP:
		return q.form().Encode(), "application/x-www-form-urlencoded"
	case MediaMTX:
		return encode(q.mediamtx()), "application/json"
	default:
		return encode(q), "application/json"
	}
}

func encode(v any) string {
	text, _ := json.Marshal(v) // texts can be encoded
	return string(text)
}

// mediamtx is the body of MediaMTX's external authentication.
func (q Question) mediamtx() map[string]string {
	action := q.Action
	if action == "play" {
		action = "read"
	}
	protocol := q.Protocol
	switch protocol {
	case "whip", "whep":
		protocol = "webrtc"
	}
	return map[string]string{
		"user": q.User, "password": q.Password, "token": q.Token, "ip": q.Remote, "action": action, "path": q.Path,
		"protocol": protocol, "id": q.Session, "query": q.Query, "userAgent": q.Agent,
	}
}

// form is that of nginx-rtmp-module's on_publish and on_play: its own arguments, and those
// that stand behind the stream's name, which cannot replace its own.
func (q Question) form() url.Values {
	form, err := url.ParseQuery(q.Query)
	if err != nil {
		form = make(url.Values)
	}
	app, name := "", q.Path
	if i := strings.LastIndex(q.Path, "/"); i >= 0 {
		app, name = q.Path[:i], q.Path[i+1:]
	}
	for k, v := range map[string]string{
		"call": q.Action, "app": app, "name": name, "addr": q.Remote, "flashver": q.Agent, "swfurl": "", "tcurl": "", "pageurl": "",
		"clientid": q.Session,
	} {
		form.Set(k, v)
	}
	if q.Action == "publish" {
		form.Set("type", "live")
	}
	if q.Token != "" && !form.Has("key") {
		form.Set("key", q.Token)
	}
	return form
}

// decode reads a good answer. Its body may say who it is, and for how long, in our own
// form only; those of others have no such thing.
func (h *Hook) decode(reply *http.Response) (Answer, error) {
	a := Answer{Allow: true}
	if h.config.Form == MediaMTX || h.config.Form == NginxRTMP {
		return a, nil
	}
	text, err := io.ReadAll(io.LimitReader(reply.Body, maxReply))
	if err != nil {
		return Answer{}, fmt.Errorf("read the service's answer: %w", err)
	}
	if len(text) == 0 || !strings.HasPrefix(reply.Header.Get("Content-Type"), "application/json") {
		return a, nil
	}
	var said struct {
		Subject string    `json:"subject"`
		Expires time.Time `json:"expires_at"`
	}
	if err := json.Unmarshal(text, &said); err != nil || len(said.Subject) > 256 {
		return Answer{}, fmt.Errorf("the service's answer is not {\"subject\": …, \"expires_at\": …}")
	}
	a.Subject, a.Expires = said.Subject, said.Expires
	return a, nil
}
