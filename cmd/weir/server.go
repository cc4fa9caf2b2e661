package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/control"
	"weir/pipeline"
	"weir/pipeline/config"
	"weir/pipeline/instance"
	"weir/pipeline/service/httpd"
	"weir/web"
)

// server is everything that runs: the services, the stage types that stand on them,
// and the host of the instances.
type server struct {
	log      *slog.Logger
	settings config.Server
	services services
	registry *pipeline.Registry
	host     *instance.Host
	site     *web.Site
	tls      *tls.Config
	pages    map[string]func() // by pattern and leaf: takes a page away
	bound    []bound
}

// bound is a listener that is open.
type bound struct {
	config.Listening
	net.Listener
}

// newServer makes the server that a file describes. It opens the listeners, so that
// what can fail has failed, and answers nobody before run.
func newServer(settings config.Server, log *slog.Logger) (*server, error) {
	s := &server{log: log, settings: settings, site: web.New(), pages: make(map[string]func())}
	if settings.TLS.Cert != "" {
		cert, err := httpd.LoadCertificate(settings.TLS.Cert, settings.TLS.Key, log)
		if err != nil {
			return nil, fmt.Errorf("read the certificate: %w", err)
		}
		s.tls = cert.TLS()
	}
	var err error
	if s.services, err = newServices(settings, s.tls, log); err != nil {
		return nil, err
	}
	if s.registry, err = pipeline.NewRegistry(stages(s.services)...); err != nil {
		return nil, err
	}
	s.host = instance.NewHost(instance.Options{Log: log})
	s.routes()
	return s, s.listen()
}

// listen opens all listeners or none.
func (s *server) listen() error {
	for _, l := range s.settings.Listeners() {
		if l.Name == "webrtc" {
			continue // those are open already
		}
		ln, err := net.Listen(l.Network, l.Address)
		if err != nil {
			s.close()
			return fmt.Errorf("listen for %s on %s: %w%s", l.Protocol, l.Address, err, listenHint(l, err))
		}
		s.bound = append(s.bound, bound{l, ln})
	}
	return nil
}

func listenHint(l config.Listening, err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "\nhelp: another program has this port; stop it, or set server." + l.Setting()
	case errors.Is(err, syscall.EACCES):
		return "\nhelp: ports below 1024 need the capability CAP_NET_BIND_SERVICE"
	default:
		return ""
	}
}

func (s *server) close() {
	for _, b := range s.bound {
		_ = b.Close()
	}
	s.bound = nil
	s.services.webrtc.close()
}

// routes adds what is served beside the streams.
func (s *server) routes() {
	h := s.services.http
	h.Handle("/", s.site.Home())
	h.Handle("/setup", s.site.Home())
	h.Handle("/assets/", s.site.Assets())
	h.Handle("/metrics", control.Metrics(s.host.Snapshots, s.samples, version()))
	h.Handle("/livez", control.Live())
	h.Handle("/readyz", control.Ready(
		control.Check{Name: "streams", Ask: func() error {
			if s.host.Draining() {
				return instance.ErrDraining
			}
			return nil
		}},
		control.Check{Name: "descriptors", Ask: func() error {
			if s.services.rtmp.Stats().Paused {
				return errors.New("no descriptors left: raise the limit on open files (ulimit -n)")
			}
			return nil
		}},
	))
	h.Handle("/v1/streams", control.Streams(s.host.Snapshots))
}

// apply brings plans into force and gives each pipeline its pages.
func (s *server) apply(plans []*pipeline.Plan) error {
	err := s.host.Apply(plans)
	wanted := make(map[string]bool, 2*len(plans))
	mount := func(p pipeline.Pattern, leaf string, serve page) {
		address := p.String() + "/" + leaf
		wanted[address] = true
		if s.pages[address] == nil {
			s.pages[address] = s.services.http.Mount(httpd.Mount{Pattern: p, Leaves: []string{leaf}, Serve: serve})
		}
	}
	for _, plan := range plans {
		mount(plan.Def.Pattern, "", s.site.Watch)
		if slices.ContainsFunc(plan.Nodes, func(n *pipeline.Node) bool { return n.Use == takesWHIP }) {
			mount(plan.Def.Pattern, "publish", s.site.Publish)
		}
	}
	for address, unmount := range s.pages {
		if !wanted[address] {
			unmount()
			delete(s.pages, address)
		}
	}
	return err
}

// takesWHIP is the stage type whose pipelines get a publish page.
const takesWHIP = "ingest/whip"

// page serves a page of a stream.
type page = func(w http.ResponseWriter, r *http.Request, path, leaf string)

// run serves until ctx ends and then drains: first the streams, so that playlists
// are ended and viewers can still read them, then the listeners.
func (s *server) run(ctx context.Context) error {
	services, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, services := errgroup.WithContext(services)
	for _, b := range s.bound {
		group.Go(func() error { return s.serve(services, b) })
	}
	group.Go(func() error { return s.services.webrtc.run(services) })
	select {
	case <-ctx.Done():
	case <-services.Done():
	}
	s.log.Info("draining", "streams", len(s.host.Snapshots()), "timeout", s.settings.DrainTimeout)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.settings.DrainTimeout)
	defer cancel()
	err := s.host.Drain(drain)
	s.farewell(drain)
	s.services.depot.Close(drain)
	stop()
	return errors.Join(group.Wait(), err)
}

// How long viewers may take to fetch the last segments that ended playlists list:
// until nobody has asked for anything for a while, and not for ever.
const (
	farewellQuiet = 500 * time.Millisecond
	farewellMost  = 3 * time.Second
)

// farewell lets viewers fetch what the ended playlists list.
func (s *server) farewell(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, farewellMost)
	defer cancel()
	tick := time.NewTicker(farewellQuiet)
	defer tick.Stop()
	for last := s.services.http.Stats(); last.Conns > 0; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := s.services.http.Stats()
		if now.Requests == last.Requests {
			return
		}
		last = now
	}
}

func (s *server) serve(ctx context.Context, b bound) error {
	switch b.Name {
	case "http":
		return s.services.http.Serve(ctx, b.Listener)
	case "rtmps":
		return s.services.rtmp.ServeTLS(ctx, b.Listener, s.tls)
	default:
		return s.services.rtmp.Serve(ctx, b.Listener)
	}
}
