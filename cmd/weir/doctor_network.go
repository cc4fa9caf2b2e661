package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	push "weir/outputs/rtmp"
	"weir/pipeline"
	"weir/pipeline/config"
	"weir/pipeline/media"
	"weir/pipeline/service/outgoing"
	"weir/pipeline/service/rtc"
)

// lookAtUDP asks STUN servers, if there are any, how this machine looks from outside.
func lookAtUDP(ctx context.Context, file *config.File) (found []finding) {
	w := file.Server.WebRTC
	if w.UDP == "" {
		return []finding{{good, "WebRTC is turned off", ""}}
	}
	for _, server := range w.STUN {
		at, err := rtc.PublicAddress(ctx, server)
		if err != nil {
			found = append(found, finding{bad, err.Error(), "let UDP out of the firewall, or name another server in server.webrtc.stun"})
			continue
		}
		found = append(found, finding{good, fmt.Sprintf("UDP goes out; %s sees this machine at %v", server, at.Addr()), ""})
	}
	if len(w.STUN) == 0 && len(w.Public) == 0 && !hasPublicAddress() {
		found = append(found, finding{doubt, "no interface has a public address", "peers elsewhere cannot reach this machine: set server.webrtc.public, or server.webrtc.stun"})
	}
	_, port, _ := net.SplitHostPort(w.UDP)
	return append(found, finding{doubt, "whether UDP comes in cannot be told from here", "open UDP port " + port + " in the firewall, and TCP as well for those who have no UDP"})
}

func hasPublicAddress() bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && !n.IP.IsPrivate() {
			return true
		}
	}
	return false
}

// lookAtCertificate reads it, or looks up the names to get one for.
func lookAtCertificate(ctx context.Context, file *config.File) (found []finding) {
	t := file.Server.TLS
	if t.Cert != "" {
		c, err := newCertificate(file.Server, slog.New(slog.DiscardHandler))
		if err != nil {
			return []finding{{bad, err.Error(), "check server.tls.cert and server.tls.key"}}
		}
		if note := certificateNote(c, time.Now()); note != "" {
			return []finding{{bad, note, "run what renews it; weir takes up changed files by itself"}}
		}
		name, at := c.Expires()
		return []finding{{good, fmt.Sprintf("the certificate for %s is good until %s", name, at.Format(time.DateOnly)), ""}}
	}
	for _, d := range t.Auto.Domains {
		addresses, err := net.DefaultResolver.LookupHost(ctx, d)
		if err != nil {
			found = append(found, finding{bad, d + " has no address", "make a DNS record for it that leads here: without one there is no certificate"})
			continue
		}
		found = append(found, finding{good, d + " leads to " + strings.Join(addresses, ", "), ""})
	}
	if _, port, _ := net.SplitHostPort(file.Server.HTTP.Listen); len(t.Auto.Domains) > 0 && port != "443" {
		found = append(found, finding{doubt, "server.http.listen is not port 443, where the authority checks", "listen on :443, or forward port 443 to port " + port})
	}
	return found
}

// lookAtCodecs asks weir-av what it can do.
func lookAtCodecs(ctx context.Context, file *config.File) []finding {
	can, err := newHost(file.Server.Transcode, slog.New(slog.DiscardHandler)).Capabilities(ctx)
	if err != nil {
		problems, notes := lacking(ctx, newHost(file.Server.Transcode, slog.New(slog.DiscardHandler)), file)
		switch {
		case len(problems) > 0:
			return []finding{{bad, err.Error(), "put weir-av beside weir: make build"}}
		case len(notes) > 0:
			return []finding{{doubt, err.Error(), "streams that must be converted have no picture or sound: put weir-av beside weir"}}
		default:
			return nil // nothing needs it
		}
	}
	var names []string
	for _, c := range can.Encoders {
		names = append(names, media.Codec(c).String())
	}
	hardware := "no hardware encoders"
	if len(can.HW) > 0 {
		hardware = "hardware: " + strings.Join(can.HW, ", ")
	}
	return []finding{{good, fmt.Sprintf("weir-av with libav %s makes %s; %s", can.Libav, strings.Join(names, ", "), hardware), ""}}
}

// lookAtTargets connects to where streams are pushed, and publishes nothing.
func lookAtTargets(ctx context.Context, file *config.File) (found []finding) {
	allow, err := outgoing.ParseAllow(file.Server.Outgoing.Allow)
	if err != nil {
		return []finding{{bad, err.Error(), ""}}
	}
	dialer := outgoing.Dialer{Allow: allow}
	seen := make(map[push.Address]bool)
	eachNode(file, func(at string, n *pipeline.Node) {
		cfg, ok := n.Config.(*push.Config)
		if !ok {
			return
		}
		for _, a := range cfg.Addresses() {
			if !seen[a] {
				seen[a] = true
				ctx, cancel := context.WithTimeout(ctx, patience/2)
				found = append(found, lookAtTarget(ctx, &dialer, at, a))
				cancel()
			}
		}
	})
	return found
}

func lookAtTarget(ctx context.Context, d *outgoing.Dialer, at string, a push.Address) finding {
	what := fmt.Sprintf("%s (%s, %s)", a, at, a.Role)
	began := time.Now()
	conn, err := d.DialContext(ctx, "tcp", a.String())
	var name *net.DNSError
	switch {
	case errors.As(err, &name):
		return finding{bad, what + ": its address cannot be found", "check the url, and this machine's name servers"}
	case err != nil:
		return finding{bad, what + ": " + err.Error(), "check the url and this machine's firewall"}
	}
	defer conn.Close()
	if !a.TLS {
		return finding{doubt, fmt.Sprintf("%s answers after %v, without TLS", what, time.Since(began).Round(time.Millisecond)), "the stream key can be read on the way: use rtmps:// if the target has it"}
	}
	secure := tls.Client(conn, &tls.Config{ServerName: a.Host, MinVersion: tls.VersionTLS12})
	if err := secure.HandshakeContext(ctx); err != nil {
		return finding{bad, what + ": " + err.Error(), "the target does not speak TLS there, or something on the way breaks it open"}
	}
	return finding{good, fmt.Sprintf("%s answers after %v, by TLS", what, time.Since(began).Round(time.Millisecond)), ""}
}
