package webhook

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/rest"
	"weir/pipeline"
)

// Webhook is an endpoint as the API shows it.
type Webhook struct {
	ID       string    `json:"id"`
	URL      string    `json:"url" doc:"Where events are sent; what may be secret in it is shown as ***."`
	Events   []string  `json:"events" nullable:"false" doc:"Patterns of types, such as output.*; none is all."`
	Streams  []string  `json:"streams" nullable:"false" doc:"Patterns of paths, such as live/*; none is all, and events that are about no stream."`
	Origin   string    `json:"origin" enum:"file,added"`
	Disabled bool      `json:"disabled"`
	State    string    `json:"state" enum:"ok,failing,disabled"`
	Message  string    `json:"message,omitempty" doc:"Why it is disabled, or what was wrong the last time."`
	Waiting  int       `json:"waiting" doc:"Events that are not delivered yet."`
	Oldest   time.Time `json:"oldest,omitzero" doc:"When the oldest of them happened."`
	Dropped  uint64    `json:"dropped" doc:"Events for which there was no room."`
	Last     *Delivery `json:"last_delivery,omitempty"`
	Secret   string    `json:"secret,omitempty" doc:"Only in the answer that creates it, or gives it another secret."`
}

func show(s *Status) Webhook {
	e := s.Endpoint
	w := Webhook{
		ID: e.ID, URL: e.shown(), Events: append([]string{}, e.Events...), Streams: append([]string{}, e.Streams...),
		Origin: "added", Disabled: e.Disabled, State: s.State, Message: s.Why, Waiting: s.Waiting, Oldest: s.Oldest, Dropped: s.Dropped,
	}
	if e.Declared {
		w.Origin = "file"
	}
	if len(s.Deliveries) > 0 {
		w.Last = &s.Deliveries[0]
		if w.Message == "" {
			w.Message = w.Last.Error
		}
	}
	return w
}

// Register adds the operations on webhooks to an API.
func Register(api *rest.API, d *Dispatcher) {
	op := func(method, url, id, summary string) huma.Operation {
		return rest.Operation(rest.Configure, method, url, id, summary)
	}
	huma.Register(api, op(http.MethodGet, "/webhooks", "list-webhooks", "The webhooks"), d.list)
	create := op(http.MethodPost, "/webhooks", "create-webhook", "Add a webhook; the answer alone shows its secret")
	create.DefaultStatus = http.StatusCreated
	create.Errors = append(create.Errors, http.StatusConflict)
	huma.Register(api, create, d.create)
	huma.Register(api, op(http.MethodGet, "/webhooks/{id}", "get-webhook", "A webhook"), d.get)
	patch := op(http.MethodPatch, "/webhooks/{id}", "change-webhook", "Change a webhook")
	patch.Errors = append(patch.Errors, http.StatusConflict)
	huma.Register(api, patch, d.patch)
	remove := op(http.MethodDelete, "/webhooks/{id}", "delete-webhook", "Remove a webhook, and what waits for it")
	remove.Errors = append(remove.Errors, http.StatusConflict)
	huma.Register(api, remove, d.erase)
	huma.Register(api, op(http.MethodPost, "/webhooks/{id}/test", "test-webhook", "Send an event of the type webhook.test, once"), d.try)
	huma.Register(api, op(http.MethodGet, "/webhooks/{id}/deliveries", "list-deliveries", "The latest attempts to deliver, newest first"), d.log)
}

type hookIn struct {
	ID string `path:"id"`
}

type hookOut struct {
	Location string `header:"Location"`
	Body     Webhook
}

func (d *Dispatcher) list(_ context.Context, in *struct{ rest.Paging }) (*struct{ Body *rest.Page[Webhook] }, error) {
	var all []Webhook
	for _, s := range d.Statuses() {
		all = append(all, show(&s))
	}
	slices.SortFunc(all, func(a, b Webhook) int { return strings.Compare(a.ID, b.ID) })
	page, err := rest.PageOf(in.Paging, all, func(w Webhook) string { return w.ID })
	if err != nil {
		return nil, err
	}
	return &struct{ Body *rest.Page[Webhook] }{page}, nil
}

func (d *Dispatcher) get(_ context.Context, in *hookIn) (*hookOut, error) { return d.shown(in.ID) }

func (d *Dispatcher) shown(id string) (*hookOut, error) {
	for _, s := range d.Statuses() {
		if s.Endpoint.ID == id {
			return &hookOut{Body: show(&s)}, nil
		}
	}
	return nil, problem(ErrUnknown)
}

type wishes struct {
	URL      *string   `json:"url,omitempty" maxLength:"2048" example:"https://example.net/hooks/weir"`
	Events   *[]string `json:"events,omitempty" maxItems:"64"`
	Streams  *[]string `json:"streams,omitempty" maxItems:"64"`
	Disabled *bool     `json:"disabled,omitempty"`
	Secret   *string   `json:"secret,omitempty" maxLength:"128" doc:"whsec_ and 24 to 64 bytes in base64; made up for a new webhook if it is left out."`
}

func (w *wishes) apply(e *Endpoint) {
	if w.URL != nil && *w.URL != e.shown() {
		e.URL = *w.URL
	}
	if w.Events != nil {
		e.Events = *w.Events
	}
	if w.Streams != nil {
		e.Streams = *w.Streams
	}
	if w.Disabled != nil {
		e.Disabled = *w.Disabled
	}
	if w.Secret != nil && *w.Secret != pipeline.Redacted {
		e.Secret = pipeline.NewSecret(*w.Secret)
	}
}

type createIn struct {
	rest.Idempotent
	Body wishes
}

func (d *Dispatcher) create(ctx context.Context, in *createIn) (*hookOut, error) {
	return rest.Do(ctx, &d.once, in.Idempotent, "create-webhook", in.Body, func() (*hookOut, error) { return d.enter(in) })
}

func (d *Dispatcher) enter(in *createIn) (*hookOut, error) {
	e := Endpoint{Secret: NewSecret()}
	in.Body.apply(&e)
	made, err := d.Add(e)
	if err != nil {
		return nil, problem(err)
	}
	out, err := d.shown(made.ID)
	if err != nil {
		return nil, err
	}
	out.Location, out.Body.Secret = rest.Root+"/webhooks/"+url.PathEscape(made.ID), made.Secret.Reveal()
	return out, nil
}

type patchIn struct {
	ID   string `path:"id"`
	Body wishes
}

func (d *Dispatcher) patch(_ context.Context, in *patchIn) (*hookOut, error) {
	if err := d.Change(in.ID, in.Body.apply); err != nil {
		return nil, problem(err)
	}
	return d.shown(in.ID)
}

func (d *Dispatcher) erase(_ context.Context, in *hookIn) (*struct{}, error) {
	if err := d.Remove(in.ID); err != nil {
		return nil, problem(err)
	}
	return nil, nil
}

func (d *Dispatcher) try(ctx context.Context, in *hookIn) (*struct{ Body Delivery }, error) {
	done, err := d.Test(ctx, in.ID)
	if err != nil {
		return nil, problem(err)
	}
	return &struct{ Body Delivery }{done}, nil
}

func (d *Dispatcher) log(_ context.Context, in *hookIn) (*struct{ Body *rest.Page[Delivery] }, error) {
	for _, s := range d.Statuses() {
		if s.Endpoint.ID == in.ID {
			return &struct{ Body *rest.Page[Delivery] }{&rest.Page[Delivery]{Items: append([]Delivery{}, s.Deliveries...)}}, nil
		}
	}
	return nil, problem(ErrUnknown)
}

// problem puts an error into the API's form.
func problem(err error) error {
	var invalid invalidError
	switch {
	case errors.Is(err, ErrUnknown):
		return rest.Fail(http.StatusNotFound, "not_found", "There is no such webhook.")
	case errors.Is(err, ErrDeclared):
		return rest.Fail(http.StatusConflict, "declared_in_file", "This webhook stands in the configuration file: change it there.")
	case errors.Is(err, ErrTooMany):
		return rest.Fail(http.StatusConflict, "too_many_webhooks", err.Error())
	case errors.As(err, &invalid):
		return rest.Fail(http.StatusUnprocessableEntity, "invalid_webhook", "This is no webhook: "+invalid.Error()+".")
	default:
		return err
	}
}
