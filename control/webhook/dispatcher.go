package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"weir/control/observe"
	"weir/control/rest"
)

// Options configure a Dispatcher.
type Options struct {
	// Events is what is delivered.
	Events *observe.Log
	Client *http.Client
	// Declared are the endpoints of the configuration file, as Declare returns them.
	Declared []Endpoint
	// Files is where the endpoints that were added and the journal are kept: a name to
	// which ".webhooks.json" and ".webhooks.journal" are appended. Without it, both are
	// lost when the process ends.
	Files string
	Log   *slog.Logger
}

// farewell is how long what happened last may take to be delivered when the server ends.
const farewell = 3 * time.Second

// Dispatcher delivers events. Its methods may be called from any goroutine.
type Dispatcher struct {
	opts   Options
	reader *observe.Reader
	wake   chan struct{}
	once   rest.Once

	disk    sync.Mutex // guards journal; taken before mu
	journal *journal

	mu    sync.Mutex // guards what follows
	hooks []*hook
}

// hook is an endpoint and what waits for it. It is guarded by the Dispatcher's mu.
type hook struct {
	endpoint   *Endpoint
	queue      queue
	deliveries []Delivery // oldest first
	failing    bool
	why        string // it was disabled
}

// Open makes a Dispatcher of what happens from now on and of what was left the last time.
// It delivers nothing before Run.
func Open(opts Options) (*Dispatcher, error) {
	d := &Dispatcher{opts: opts, reader: opts.Events.Tail(), wake: make(chan struct{}, 1)}
	for i := range opts.Declared {
		if err := opts.Declared[i].check(); err != nil {
			return nil, fmt.Errorf("webhook %s: %w", opts.Declared[i].shown(), err)
		}
		d.hooks = append(d.hooks, &hook{endpoint: &opts.Declared[i]})
	}
	if opts.Files == "" {
		return d, nil
	}
	added, err := readEndpoints(opts.Files + endpointsName)
	if err != nil {
		return nil, err
	}
	for _, e := range added {
		d.hooks = append(d.hooks, &hook{endpoint: e})
	}
	if len(d.hooks) > 0 {
		d.begin()
	}
	return d, nil
}

// begin opens the journal, if there is to be one and it is not open, and queues what was
// left in it. A disk that does not take it makes what waits perishable, and nothing else.
func (d *Dispatcher) begin() {
	d.disk.Lock()
	defer d.disk.Unlock()
	if d.journal != nil || d.opts.Files == "" {
		return
	}
	j, left, err := openJournal(d.opts.Files + ".webhooks.journal")
	if err != nil {
		d.opts.Log.Warn("events for webhooks cannot be written down; a restart would lose them", "error", err)
	}
	if j != nil && j.f != nil {
		d.journal = j
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range left {
		for _, to := range o.to {
			if h := d.find(to); h != nil && !h.endpoint.Disabled {
				h.queue.add(o.item)
			}
		}
	}
}

// find is the hook of an ID, or nil. The caller holds mu.
func (d *Dispatcher) find(id string) *hook {
	if i := slices.IndexFunc(d.hooks, func(h *hook) bool { return h.endpoint.ID == id }); i >= 0 {
		return d.hooks[i]
	}
	return nil
}

// Run delivers until ctx ends or the log does; then it tries for a moment to deliver what
// is left. What is not delivered then is in the journal.
func (d *Dispatcher) Run(ctx context.Context) {
	var attempts sync.WaitGroup
	sending, enough := context.WithCancel(context.WithoutCancel(ctx))
	over := make(chan struct{})
	go func() {
		defer close(over)
		d.collect(ctx)
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var late <-chan time.Time
	for ended := false; ; {
		next, idle := d.start(sending, &attempts)
		if ended && idle {
			break
		}
		timer.Reset(next)
		select {
		case <-d.wake:
			continue
		case <-timer.C:
			continue
		case <-over:
			over, ended, late = nil, true, time.After(farewell)
			continue
		case <-late:
		}
		break
	}
	enough()
	attempts.Wait()
	d.disk.Lock()
	defer d.disk.Unlock()
	if err := d.journal.close(); err != nil {
		d.opts.Log.Warn("the journal of webhooks may be incomplete", "error", err)
	}
	d.journal = nil
}

// start begins all attempts that are due. next is how long there is nothing else to do;
// idle says that nothing is under way either.
func (d *Dispatcher) start(ctx context.Context, attempts *sync.WaitGroup) (next time.Duration, idle bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	next, idle = time.Hour, true
	for _, h := range d.hooks {
		for {
			it, attempt, due := h.queue.take(now)
			if attempt == 0 {
				if !due.IsZero() {
					next = min(next, due.Sub(now))
				}
				break
			}
			e := h.endpoint
			attempts.Go(func() { d.attempt(ctx, h, e, it, attempt) })
		}
		idle = idle && h.queue.busy == 0
	}
	return next, idle
}

// attempt sends an item once and notes what came of it.
func (d *Dispatcher) attempt(ctx context.Context, h *hook, e *Endpoint, it item, attempt int) {
	began := time.Now()
	a := send(ctx, d.opts.Client, e, &it)
	if ctx.Err() != nil && !a.ok() {
		return // the server ends, which is nobody's fault
	}
	now := time.Now()
	note := it.delivery(&a, attempt, began, now)
	var dropped []string
	d.mu.Lock()
	gone, next := h.queue.done(it, a.ok(), a.after, now)
	switch {
	case a.ok():
		note.State = delivered
	case a.status == http.StatusGone:
		note.State = gaveUp
		gone, dropped = true, h.disable("the endpoint has said that it is gone (410)")
		if err := d.save(); err != nil {
			d.opts.Log.Warn("a webhook that is gone will be tried again after a restart", "webhook", e.ID, "error", err)
		}
	case gone:
		note.State = gaveUp
		d.opts.Log.Warn("an event is not delivered any more", "webhook", e.ID, "event", it.id, "type", it.kind, "error", note.Error)
	default:
		note.State, note.Next = retrying, &next
	}
	if !a.ok() && !h.failing {
		d.opts.Log.Warn("a webhook does not take events", "webhook", e.ID, "error", note.Error)
	}
	h.failing = !a.ok()
	h.note(note)
	d.mu.Unlock()
	if gone {
		dropped = append(dropped, it.id)
	}
	d.settled(e.ID, dropped)
	d.poke()
}

// settled writes down that an endpoint needs events no more.
func (d *Dispatcher) settled(endpoint string, ids []string) {
	entries := make([]entry, len(ids))
	for i, id := range ids {
		entries[i] = entry{ID: id, Done: endpoint}
	}
	d.write(false, entries...)
}

// disable stops the deliveries to an endpoint, and returns what waited for it. The caller
// holds the Dispatcher's mu.
func (h *hook) disable(why string) []string {
	e := *h.endpoint
	e.Disabled = true
	h.endpoint, h.why = &e, why
	return h.queue.clear()
}

func (h *hook) note(n Delivery) {
	if len(h.deliveries) >= maxDeliveries {
		h.deliveries = slices.Delete(h.deliveries, 0, 1)
	}
	h.deliveries = append(h.deliveries, n)
}

func (it *item) delivery(a *answer, attempt int, began, now time.Time) Delivery {
	return Delivery{
		Event: it.id, Type: it.kind, Stream: it.stream, Attempt: attempt, At: began.UTC(),
		Duration: now.Sub(began).Seconds(), Status: a.status, Error: a.words(),
	}
}

func (d *Dispatcher) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// collect queues what happens until the log or ctx ends.
func (d *Dispatcher) collect(ctx context.Context) {
	for {
		events, lost, err := d.reader.Next(ctx)
		if lost {
			d.opts.Log.Error("events came faster than webhooks could write them down; some are not delivered")
		}
		if len(events) > 0 {
			d.accept(events)
		}
		if err != nil {
			return
		}
	}
}

// maxBody bounds an event; one that is larger goes without its data.
const maxBody = 64 << 10

// accept writes events down and then queues them.
func (d *Dispatcher) accept(events []observe.Event) {
	var entries []entry
	var all []owed
	for i := range events {
		e := &events[i]
		to := d.recipients(e)
		if len(to) == 0 {
			continue
		}
		body := e.JSON()
		if len(body) > maxBody {
			bare := *e
			bare.Data = nil
			body = bare.JSON()
		}
		o := owed{item{e.ID, e.Type, e.Stream, e.Timestamp, body}, to}
		all, entries = append(all, o), append(entries, o.entry())
	}
	if len(all) == 0 {
		return
	}
	d.write(true, entries...)
	var refused []entry
	d.mu.Lock()
	for _, o := range all {
		for _, to := range o.to {
			if h := d.find(to); h == nil || !h.queue.add(o.item) {
				refused = append(refused, entry{ID: o.id, Done: to})
			}
		}
	}
	d.mu.Unlock()
	d.write(false, refused...)
	d.tidy()
	d.poke()
}

func (d *Dispatcher) recipients(e *observe.Event) (to []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.hooks {
		if h.endpoint.wants(e.Type, e.Stream) {
			to = append(to, h.endpoint.ID)
		}
	}
	return to
}

// write appends to the journal. What cannot be written is delivered all the same.
func (d *Dispatcher) write(sync bool, entries ...entry) {
	d.disk.Lock()
	defer d.disk.Unlock()
	if err := d.journal.append(sync, entries...); err != nil {
		d.opts.Log.Warn("events for webhooks cannot be written down; a restart would lose them", "error", err)
	}
}

// tidyFrom is how many lines a journal has before it is worth while to tidy it.
const tidyFrom = 1000

// tidy begins the journal anew when most of it is not owed any more.
func (d *Dispatcher) tidy() {
	d.disk.Lock()
	defer d.disk.Unlock()
	if d.journal == nil || d.journal.lines < tidyFrom {
		return
	}
	left := d.owed()
	if d.journal.lines < 4*len(left) {
		return
	}
	if err := d.journal.rewrite(left); err != nil {
		d.opts.Log.Warn("the journal of webhooks cannot be tidied", "error", err)
	}
}

// owed is all that waits.
func (d *Dispatcher) owed() []owed {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make(map[string]*owed)
	for _, h := range d.hooks {
		for _, l := range h.queue.lanes {
			for _, it := range l.items {
				if all[it.id] == nil {
					all[it.id] = &owed{item: it}
				}
				all[it.id].to = append(all[it.id].to, h.endpoint.ID)
			}
		}
	}
	left := make([]owed, 0, len(all))
	for _, o := range all {
		left = append(left, *o)
	}
	slices.SortFunc(left, func(a, b owed) int { // IDs rise
		if a.id < b.id {
			return -1
		}
		return 1
	})
	return left
}

// ErrUnknown says that there is no such endpoint.
var ErrUnknown = errors.New("there is no such webhook")

// Test sends an event of the type webhook.test at once, and only once.
func (d *Dispatcher) Test(ctx context.Context, id string) (Delivery, error) {
	d.mu.Lock()
	h := d.find(id)
	d.mu.Unlock()
	if h == nil {
		return Delivery{}, ErrUnknown
	}
	e := observe.Event{ID: newID("test-"), Type: "webhook.test", Timestamp: time.Now().UTC(), Data: map[string]string{"message": "It works."}}
	it := item{id: e.ID, kind: e.Type, at: e.Timestamp, body: e.JSON()}
	d.mu.Lock()
	endpoint := h.endpoint
	d.mu.Unlock()
	began := time.Now()
	a := send(ctx, d.opts.Client, endpoint, &it)
	note := it.delivery(&a, 1, began, time.Now())
	note.State = tested
	d.mu.Lock()
	defer d.mu.Unlock()
	h.note(note)
	return note, nil
}
