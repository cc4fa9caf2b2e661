package webhook

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"weir/control/observe"
	"weir/pipeline"
	"weir/pipeline/instance"
	"weir/pipeline/media"
	"weir/pipeline/service/outgoing"
	"weir/pipeline/stagetest"
)

// A receiver that is down while a stream runs gets all its events, in order, once it is
// back; the stream does not notice.
func TestADeadReceiverHoldsUpNoStream(t *testing.T) {
	// An address at which nothing listens yet.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	_ = ln.Close()

	log := observe.NewLog()
	e := Endpoint{URL: "http://" + address + "/hook", Secret: NewSecret()}
	d, err := Open(Options{
		Events: log, Declared: Declare([]Endpoint{e}), Log: slog.New(slog.DiscardHandler),
		Client: NewClient((&outgoing.Dialer{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}).DialContext),
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); d.Run(context.Background()) }()
	defer func() { log.Close(); <-ended }()

	const units = 500 // less than an edge holds, however slow the machine is
	got := make(chan int, 1)
	host := stream(t, log, units, got)
	if n := <-got; n != units {
		t.Errorf("%d of %d units arrived", n, units)
	}
	for _, s := range host.Snapshots() {
		for _, e := range s.Edges {
			if e.Overran+e.Keyless > 0 {
				t.Errorf("%+v", e)
			}
		}
	}
	for s := d.Statuses()[0]; len(s.Deliveries) == 0 || s.Deliveries[0].State != retrying; s = d.Statuses()[0] {
		<-time.After(5 * time.Millisecond) // it has been tried
	}

	taken := make(chan string, 10)
	back := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		var event observe.Event
		_ = json.Unmarshal(b, &event)
		taken <- event.Type
	}))
	_ = back.Listener.Close()
	if back.Listener, err = net.Listen("tcp", address); err != nil {
		t.Skip("another program has taken the address meanwhile")
	}
	back.Start()
	defer back.Close()
	for _, want := range []string{"stream.started", "test.half", "stream.stopped"} {
		if kind := <-taken; kind != want {
			t.Errorf("%s, want %s", kind, want)
		}
	}
}

// stream runs one that ends behind so many units, and tells of its middle.
func stream(t *testing.T, log *observe.Log, units int, got chan<- int) *instance.Host {
	t.Helper()
	source := stagetest.Stage(pipeline.Spec{Type: "test/source", Role: pipeline.Source}, func(ctx context.Context, p *pipeline.Ports) error {
		set := stagetest.Both()
		p.Out("out").SetTracks(set)
		for n := range units {
			if n == units/2 {
				pipeline.Herald(log.Herald).Tell("test.half", "live/a", "source", nil)
			}
			track := set.Tracks[0]
			u := &media.Unit{Track: track, DTS: media.Ticks(n) * 300, PTS: media.Ticks(n) * 300, Flags: media.Key, Access: [][]byte{{0x65, 1}}, Arrived: time.Now()}
			if err := p.Out("out").Send(ctx, u); err != nil {
				return err
			}
		}
		return nil
	})
	sink := stagetest.Stage(pipeline.Spec{Type: "test/sink", Role: pipeline.Sink}, func(ctx context.Context, p *pipeline.Ports) error {
		n := 0
		for {
			item, err := p.In("in").Recv(ctx)
			if err == io.EOF { //nolint:errorlint // promised bare
				got <- n
				return nil
			}
			if err != nil {
				return err
			}
			if _, ok := item.(*media.Unit); ok {
				n++
			}
		}
	})
	reg, err := pipeline.NewRegistry(source, sink)
	if err != nil {
		t.Fatal(err)
	}
	pattern, _ := pipeline.ParsePattern("live/a")
	plan, problems := pipeline.NewPlan(&pipeline.Definition{Pattern: pattern, When: pipeline.Always, Stages: []pipeline.StageDef{
		{Name: "source", Use: "test/source", Config: &stagetest.NoConfig{}},
		{Name: "sink", Use: "test/sink", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: "source"}}},
	}}, reg)
	if plan == nil {
		t.Fatal(problems)
	}
	host := instance.NewHost(instance.Options{Log: slog.New(slog.DiscardHandler), Herald: log.Herald})
	if err := host.Apply([]*pipeline.Plan{plan}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Drain(context.Background()) })
	return host
}
