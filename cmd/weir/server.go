package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/control"
	"weir/control/auth"
	"weir/control/desired"
	"weir/control/observe"
	"weir/control/peers"
	"weir/control/rest"
	"weir/control/trace"
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
	auth     *auth.Auth // who may do what
	site     *web.Site
	cert     certificate   // nil without TLS
	tracer   *trace.Tracer // nil if nobody wants traces
	tls      *tls.Config
	desired  *desired.Desired // set by operate, as is
	kept     *recordings
	api      *rest.API         // operations are registered before run
	applied  atomic.Bool       // the configuration was, once
	pages    map[string]func() // by pattern and leaf: takes a page away
	bound    []bound
	watching watching
}

// bound is a listener that is open.
type bound struct {
	config.Listening
	net.Listener
}

// newServer makes the server that a file describes. It opens the listeners, so that
// what can fail has failed, and answers nobody before run. files is where it
// keeps what it must remember: a name to which is appended what for; "" is nowhere.
func newServer(settings config.Server, files string, log *slog.Logger) (*server, error) {
	s := &server{log: log, settings: settings, site: web.New(), pages: make(map[string]func())}
	s.watching.log = observe.NewLog()
	var err error
	if s.auth, err = s.newAuth(); err != nil {
		return nil, err
	}
	if s.tracer, err = trace.New(os.LookupEnv, version(), log); err != nil {
		return nil, err
	}
	s.log = slog.New(s.tracer.Log(log.Handler()))
	if s.cert, err = newCertificate(settings, log); err != nil {
		return nil, err
	}
	if s.cert != nil {
		s.tls = s.cert.TLS()
	}
	if s.services, err = newServices(settings, s.tls, s.auth, s.watching.log.Herald, s.tracer, s.log); err != nil {
		return nil, err
	}
	s.services.depot.Follow(s.tracer.Follower())
	if s.registry, err = pipeline.NewRegistry(stages(s.services)...); err != nil {
		return nil, err
	}
	s.host = instance.NewHost(instance.Options{Log: s.log, Herald: s.watching.log.Herald})
	s.routes()
	if err := s.watching.open(s, files); err != nil {
		s.close()
		return nil, err
	}
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
	h.Handle("/metrics", s.auth.Scraped(control.Metrics(s.host.Snapshots, s.samples, version())))
	s.health()
	s.api = rest.New(version(), s.auth)
	s.auth.Register(s.api)
	peers.Register(s.api, s.host)
	h.Handle(rest.Root+"/", auth.Headers(s.api))
	h.Handle(control.ProfilesAt, rest.Behind(s.auth, rest.Admin, control.Profiles()))
}

// apply brings plans into force and gives each pipeline its pages.
func (s *server) apply(plans []*pipeline.Plan) error {
	_, end := s.tracer.Start(context.Background(), "apply the configuration")
	err := s.host.Apply(plans)
	end(err)
	wanted := make(map[string]bool, 2*len(plans))
	mount := func(p pipeline.Pattern, leaf string, serve page) {
		address := p.String() + "/" + leaf
		wanted[address] = true
		if s.pages[address] == nil {
			s.pages[address] = s.services.http.Mount(httpd.Mount{Pattern: p, Leaves: []string{leaf}, Serve: serve})
		}
	}
	for _, plan := range plans {
		mount(plan.Def.Pattern, "", s.auth.Remember(s.site.Watch))
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
	s.applied.Store(true)
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
	group.Go(func() error { return s.keepCertificate(services) })
	group.Go(func() error { return s.watchdog(services) })
	group.Go(func() error { s.auth.Run(services); return nil })
	group.Go(func() error { s.watching.run(services); return nil })
	select {
	case <-ctx.Done():
	case <-services.Done():
	}
	s.watching.say("node.draining", map[string]any{"streams": len(s.host.Snapshots()), "timeout_seconds": s.settings.DrainTimeout.Seconds()})
	s.log.Info("draining", "streams", len(s.host.Snapshots()), "timeout", s.settings.DrainTimeout)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.settings.DrainTimeout)
	defer cancel()
	err := s.host.Drain(drain)
	s.farewell(drain)
	s.services.depot.Close(drain)
	s.kept.close()
	s.watching.log.Close() // which ends who listens, too
	stop()
	err = errors.Join(group.Wait(), err)
	s.tracer.Close(drain)
	return err
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
		return s.services.rtmp.ServeTLS(ctx, b.Listener, withoutALPN(s.tls))
	default:
		return s.services.rtmp.Serve(ctx, b.Listener)
	}
}
