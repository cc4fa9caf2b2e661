package webhook

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"weir/control/durable"
	"weir/pipeline"
)

const endpointsName = ".webhooks.json"

// Bounds of what is added at run time.
const (
	maxAdded         = 100
	maxEndpointsFile = 1 << 20
)

// stored is an endpoint in the file. Its secret is in the open: the file is for the
// server alone.
type stored struct {
	ID       string   `json:"id"`
	URL      string   `json:"url"`
	Secret   string   `json:"secret"`
	Events   []string `json:"events,omitempty"`
	Streams  []string `json:"streams,omitempty"`
	Disabled bool     `json:"disabled,omitempty"`
}

// readEndpoints reads the endpoints that were added; a file that is not there has none.
func readEndpoints(name string) ([]*Endpoint, error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the webhooks: %w", err)
	}
	all, err := parseEndpoints(b)
	if err != nil {
		return nil, fmt.Errorf("%s is damaged; move it away, or mend it: %w", name, err)
	}
	return all, nil
}

func parseEndpoints(b []byte) ([]*Endpoint, error) {
	if len(b) > maxEndpointsFile {
		return nil, errors.New("it is too large")
	}
	var file struct {
		Endpoints []stored `json:"endpoints"`
	}
	in := json.NewDecoder(bytes.NewReader(b))
	in.DisallowUnknownFields()
	if err := in.Decode(&file); err != nil {
		return nil, err
	}
	seen := make(map[string]bool)
	all := make([]*Endpoint, 0, len(file.Endpoints))
	for _, s := range file.Endpoints {
		e := &Endpoint{ID: s.ID, URL: s.URL, Secret: pipeline.NewSecret(s.Secret), Events: s.Events, Streams: s.Streams, Disabled: s.Disabled}
		if err := e.check(); err != nil {
			return nil, err
		}
		if s.ID == "" || seen[s.ID] {
			return nil, fmt.Errorf("the id %q is none, or another's", s.ID)
		}
		seen[s.ID] = true
		all = append(all, e)
	}
	return all, nil
}

// save writes the endpoints that were added. The caller holds mu.
func (d *Dispatcher) save() error {
	if d.opts.Files == "" {
		return nil
	}
	var file struct {
		Endpoints []stored `json:"endpoints"`
	}
	for _, h := range d.hooks {
		if e := h.endpoint; !e.Declared {
			file.Endpoints = append(file.Endpoints, stored{e.ID, e.URL, e.Secret.Reveal(), e.Events, e.Streams, e.Disabled})
		}
	}
	b, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	if _, err := durable.Replace(d.opts.Files+endpointsName, b, durable.Private); err != nil {
		return fmt.Errorf("keep the webhooks: %w", err)
	}
	return nil
}

// Errors of changes.
var (
	ErrDeclared = errors.New("this webhook stands in the configuration file: change it there")
	ErrTooMany  = fmt.Errorf("there are %d webhooks, which is as many as may be added", maxAdded)
)

// Add adds an endpoint, and keeps it.
func (d *Dispatcher) Add(e Endpoint) (*Endpoint, error) {
	e.ID, e.Declared = newID("wh-"), false
	if err := e.check(); err != nil {
		return nil, err
	}
	d.begin()
	d.mu.Lock()
	defer d.mu.Unlock()
	added := 0
	for _, h := range d.hooks {
		if !h.endpoint.Declared {
			added++
		}
	}
	if added >= maxAdded {
		return nil, ErrTooMany
	}
	return &e, d.put(append(slices.Clone(d.hooks), &hook{endpoint: &e}))
}

// put brings other hooks into force, if they can be kept. The caller holds mu.
func (d *Dispatcher) put(hooks []*hook) error {
	before := d.hooks
	d.hooks = hooks
	err := d.save()
	if err != nil {
		d.hooks = before
	}
	return err
}

// Change replaces an endpoint that was added by what change makes of it. What waits for
// it stays.
func (d *Dispatcher) Change(id string, change func(*Endpoint)) error {
	dropped, err := d.change(id, change)
	d.settled(id, dropped)
	d.poke()
	return err
}

func (d *Dispatcher) change(id string, change func(*Endpoint)) (dropped []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h, err := d.added(id)
	if err != nil {
		return nil, err
	}
	old := h.endpoint
	e := *old
	change(&e)
	e.ID, e.Declared = old.ID, false
	if err := e.check(); err != nil {
		return nil, err
	}
	h.endpoint = &e
	if err := d.save(); err != nil {
		h.endpoint = old
		return nil, err
	}
	h.why = ""
	if e.Disabled {
		return h.queue.clear(), nil
	}
	return nil, nil
}

// Remove forgets an endpoint that was added, and what waits for it.
func (d *Dispatcher) Remove(id string) error {
	dropped, err := d.remove(id)
	d.settled(id, dropped)
	return err
}

func (d *Dispatcher) remove(id string) (dropped []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h, err := d.added(id)
	if err != nil {
		return nil, err
	}
	if err := d.put(slices.DeleteFunc(slices.Clone(d.hooks), func(o *hook) bool { return o == h })); err != nil {
		return nil, err
	}
	return h.queue.clear(), nil
}

// added is a hook that may be changed. The caller holds mu.
func (d *Dispatcher) added(id string) (*hook, error) {
	h := d.find(id)
	switch {
	case h == nil:
		return nil, ErrUnknown
	case h.endpoint.Declared:
		return nil, ErrDeclared
	default:
		return h, nil
	}
}

func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()[:16]) }

// Status is how an endpoint fares.
type Status struct {
	Endpoint   *Endpoint
	State      string // ok, failing, disabled
	Why        string
	Waiting    int
	Oldest     time.Time
	Dropped    uint64
	Deliveries []Delivery // newest first
}

// Statuses lists all endpoints, those of the file first.
func (d *Dispatcher) Statuses() []Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]Status, len(d.hooks))
	for i, h := range d.hooks {
		s := Status{Endpoint: h.endpoint, State: "ok", Why: h.why, Waiting: h.queue.waiting, Oldest: h.queue.oldest(), Dropped: h.queue.dropped}
		switch {
		case h.endpoint.Disabled:
			s.State = "disabled"
		case h.failing:
			s.State = "failing"
		}
		s.Deliveries = slices.Clone(h.deliveries)
		slices.Reverse(s.Deliveries)
		all[i] = s
	}
	return all
}
