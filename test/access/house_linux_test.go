//go:build e2e

package access

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"weir/ingest/file"
	"weir/ingest/rtmp"
	"weir/ingest/whip"
	"weir/outputs/hls"
	"weir/outputs/whep"
	"weir/pipeline"
	"weir/pipeline/access"
	tounits "weir/pipeline/bridge/access"
	"weir/pipeline/bridge/rtp"
	"weir/pipeline/config"
	"weir/pipeline/instance"
	"weir/pipeline/service/httpd"
	"weir/pipeline/service/rtc"
	"weir/pipeline/service/rtc/egress"
	"weir/pipeline/service/rtmpd"
)

// pipelines are what there is: streams that are published, with a key and without, and
// some that play when somebody watches.
const pipelines = `
pipelines:
  live/{name}:
    stages:
      cam: {use: ingest/rtmp, with: {key: key-of-the-pipeline, grace: 1s}}
      hls: {use: outputs/hls, from: cam}
  web/{name}:
    stages:
      cam: {use: ingest/whip, with: {key: key-of-the-pipeline, grace: 1s}}
      hls: {use: outputs/hls, from: cam}
  open/{name}:
    stages:
      cam: {use: ingest/rtmp, with: {grace: 1s}}
      hls: {use: outputs/hls, from: cam}
  openweb/{name}:
    stages:
      cam: {use: ingest/whip, with: {grace: 1s}}
      hls: {use: outputs/hls, from: cam}
  show/{name}:
    when: demanded
    stages:
      clip: {use: ingest/file, with: {path: h264-opus.mp4, loop: true}}
      hls: {use: outputs/hls, from: clip, with: {segment: 1s}}
      watch: {use: outputs/whep, from: clip}
`

// house is a server in this process, on all addresses.
type house struct {
	http, rtmp, rtmps string // ports
	host              *instance.Host
	trust             *tls.Config
}

func newHouse(t *testing.T, policy access.Policy) *house {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	serving, trust := certificate(t)
	door, site := new(rtmp.Door), httpd.New(httpd.Config{Log: log})
	rtmpServer := rtmpd.NewServer(rtmpd.Config{Handler: rtmp.Handler(door, policy), Log: log})
	viewers, err := egress.New(egress.Config{Log: log})
	must(err)
	datagrams, err := net.ListenPacket("udp", ":0")
	must(err)
	peers, err := rtc.New(rtc.Config{UDP: datagrams, Log: log, Egress: struct {
		*egress.Engine
		*egress.Socket
	}{viewers, viewers.Attach(datagrams)}})
	must(err)
	reg, err := pipeline.NewRegistry(
		rtmp.Factory(door), whip.Factory(site, peers, policy), file.Factory("../../testdata/media"),
		hls.Factory(site, policy), whep.Factory(site, viewers, peers, policy), tounits.Factory(), rtp.Factory(),
	)
	must(err)
	made, problems := config.Load([]byte(pipelines), "access.yaml", reg, func(string) (string, bool) { return "", false })
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	h := &house{host: instance.NewHost(instance.Options{Log: log, Drain: time.Second}), trust: trust}
	must(h.host.Apply(made.Plans))

	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var serve sync.WaitGroup
	run := func(f func(context.Context) error) {
		serve.Go(func() {
			if err := f(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	listen := func(port *string, f func(context.Context, net.Listener) error) {
		ln, err := net.Listen("tcp", ":0")
		must(err)
		_, *port, _ = net.SplitHostPort(ln.Addr().String())
		run(func(ctx context.Context) error { return f(ctx, ln) })
	}
	listen(&h.http, site.Serve)
	listen(&h.rtmp, rtmpServer.Serve)
	listen(&h.rtmps, func(ctx context.Context, ln net.Listener) error { return rtmpServer.ServeTLS(ctx, ln, serving) })
	run(viewers.Run)
	run(peers.Serve)
	t.Cleanup(func() {
		drain, stop := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
		defer stop()
		if err := h.host.Drain(drain); err != nil {
			t.Error(err)
		}
		cancel()
		serve.Wait()
	})
	return h
}

// certificate makes one that signs itself.
func certificate(t *testing.T) (serving, trust *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "weir"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(loopback), net.ParseIP(elsewhere)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12},
		&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}
