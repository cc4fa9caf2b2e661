package main

import (
	"context"
	"sync"

	"weir/control/desired"
	"weir/control/observe"
	"weir/control/webhook"
	"weir/outputs/hls"
	"weir/outputs/whep"
)

// watching is who looks at the streams and tells others.
type watching struct {
	log      *observe.Log
	observer *observe.Observer
	hooks    *webhook.Dispatcher
}

// open makes ready what run runs, and adds it to the API.
func (w *watching) open(s *server, files string) (err error) {
	w.observer = observe.New(s.host.Snapshots, observe.Ways{
		Watch: []observe.Way{{Use: whep.Type, Name: "webrtc"}, {Use: hls.Type, Name: "hls"}}, Publish: []string{takesWHIP},
	}, w.log)
	declared := make([]webhook.Endpoint, 0, len(s.settings.Webhooks))
	for _, h := range s.settings.Webhooks {
		declared = append(declared, webhook.Endpoint{URL: h.URL.Reveal(), Secret: h.Secret, Events: h.Events, Streams: h.Streams})
	}
	w.hooks, err = webhook.Open(webhook.Options{
		Events: w.log, Client: webhook.NewClient(s.services.out.DialContext), Declared: webhook.Declare(declared),
		Files: files, Log: s.log.With("service", "webhooks"),
	})
	if err != nil {
		return err
	}
	observe.Register(s.api, w.observer, s.host.Plans)
	webhook.Register(s.api, w.hooks)
	return nil
}

// run watches until ctx ends.
func (w *watching) run(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() { w.observer.Run(ctx) })
	both.Go(func() { w.hooks.Run(ctx) })
	both.Wait()
}

// changed publishes that something else is wanted now.
func (w *watching) changed(e desired.Event) {
	data := map[string]any{"by": e.By, "detail": e.Detail}
	if len(e.Changes) > 0 {
		what := make(map[string]string, len(e.Changes))
		for _, c := range e.Changes {
			what[c.Pipeline] = c.What
		}
		data["changes"] = what
	}
	w.log.Publish(observe.Event{Type: e.Type, Stream: e.Stream, Stage: e.Stage, Data: data})
}

// say publishes what happened to the server as a whole.
func (w *watching) say(kind string, data any) {
	w.log.Publish(observe.Event{Type: kind, Data: data})
}
