package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	"golang.org/x/sync/errgroup"

	"weir/pipeline/config"
	"weir/pipeline/service/rtc"
	"weir/pipeline/service/rtc/egress"
	"weir/pipeline/service/rtc/udp"
)

// webrtc is the node's end of WebRTC: one UDP and one TCP port for publishers and
// viewers. Both are nil if it is turned off.
type webrtc struct {
	peers   *rtc.Server
	viewers *egress.Engine
}

// shared is the viewers' side of the ports.
type shared struct {
	*egress.Engine
	*egress.Socket
}

// listenWebRTC opens the ports.
func listenWebRTC(settings config.Server, log *slog.Logger) (webrtc, error) {
	var datagrams *udp.Socket
	var tcp net.Listener
	release := func() {
		if datagrams != nil {
			_ = datagrams.Close()
		}
		if tcp != nil {
			_ = tcp.Close()
		}
	}
	for _, l := range settings.Listeners() {
		if l.Name != "webrtc" {
			continue
		}
		var err error
		if l.Network == "udp" {
			datagrams, err = udp.Listen(l.Address)
		} else {
			tcp, err = net.Listen(l.Network, l.Address)
		}
		if err != nil {
			release()
			return webrtc{}, fmt.Errorf("listen for %s on %s %s: %w%s", l.Protocol, l.Network, l.Address, err, listenHint(l, err))
		}
	}
	if datagrams == nil {
		return webrtc{}, nil
	}
	w, err := newWebRTC(settings.WebRTC, datagrams, tcp, log)
	if err != nil {
		release()
	}
	return w, err
}

func newWebRTC(settings config.WebRTC, datagrams *udp.Socket, tcp net.Listener, log *slog.Logger) (w webrtc, err error) {
	log = log.With("service", "webrtc")
	if w.viewers, err = egress.New(egress.Config{Log: log}); err != nil {
		return webrtc{}, fmt.Errorf("prepare for WebRTC viewers: %w", err)
	}
	c := rtc.Config{
		UDP: datagrams, TCP: tcp, STUN: settings.STUN, Log: log,
		TURN:   rtc.TURN{URLs: settings.TURN.URLs, Secret: settings.TURN.Secret, Life: settings.TURN.TTL},
		Egress: shared{w.viewers, w.viewers.Attach(datagrams)},
	}
	for _, p := range settings.Public {
		ip, err := netip.ParseAddr(p)
		if err != nil {
			return webrtc{}, fmt.Errorf("public address: %w", err)
		}
		c.Addresses = append(c.Addresses, ip.Unmap())
	}
	if w.peers, err = rtc.New(c); err != nil {
		return webrtc{}, fmt.Errorf("prepare for WebRTC: %w", err)
	}
	return w, nil
}

// run serves until ctx ends.
func (w webrtc) run(ctx context.Context) error {
	if w.peers == nil {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.viewers.Run(ctx) })
	group.Go(func() error { return w.peers.Serve(ctx) })
	if err := group.Wait(); err != nil {
		return fmt.Errorf("serve WebRTC: %w", err)
	}
	return nil
}

// close releases ports that were never served.
func (w webrtc) close() {
	if w.peers != nil {
		_ = w.peers.Close()
	}
}
