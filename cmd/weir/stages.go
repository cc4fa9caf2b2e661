package main

import (
	"crypto/tls"
	"log/slog"

	"weir/control/trace"
	"weir/ingest/file"
	"weir/ingest/rtmp"
	switcher "weir/ingest/switch"
	testcard "weir/ingest/test"
	"weir/ingest/whip"
	"weir/outputs/hls"
	push "weir/outputs/rtmp"
	"weir/outputs/whep"
	"weir/pipeline"
	"weir/pipeline/access"
	tounits "weir/pipeline/bridge/access"
	"weir/pipeline/bridge/rtp"
	"weir/pipeline/config"
	"weir/pipeline/service/httpd"
	"weir/pipeline/service/outgoing"
	"weir/pipeline/service/rtmpd"
	"weir/record"
	"weir/transcode/audio"
	"weir/transcode/mixer"
	"weir/transcode/video"
	"weir/transcode/worker"
)

// services are what stages stand on. With the zero value, stage types can be
// described and their configurations checked, but nothing can run.
type services struct {
	http   *httpd.Server
	rtmp   *rtmpd.Server
	door   *rtmp.Door // where rtmp brings its publishers
	files  string     // what ingest/file reads beneath
	av     *worker.Host
	depot  *record.Depot
	out    outgoing.Dialer // what stages connect by
	access access.Policy   // who may publish and play
	webrtc
}

func newServices(settings config.Server, cert *tls.Config, policy access.Policy, herald pipeline.Herald, tracer *trace.Tracer, log *slog.Logger) (services, error) {
	peers, err := listenWebRTC(settings, log)
	if err != nil {
		return services{}, err
	}
	allow, err := outgoing.ParseAllow(settings.Outgoing.Allow)
	if err != nil {
		return services{}, err
	}
	door := new(rtmp.Door)
	return services{
		http: httpd.New(httpd.Config{
			TLS: cert, Log: log.With("service", "http"), Follow: tracer.Hook(),
			Limits: httpd.Limits{Conns: settings.HTTP.Connections, ConnsPerAddr: settings.HTTP.PerAddress},
		}),
		rtmp: rtmpd.NewServer(rtmpd.Config{
			Handler: rtmp.Handler(door, policy), Log: log.With("service", "rtmp"),
			Limits: rtmpd.Limits{Connections: settings.RTMP.Connections, PerAddress: settings.RTMP.PerAddress},
		}),
		door:   door,
		files:  settings.Files,
		av:     newHost(settings.Transcode, log),
		depot:  record.NewDepot(log.With("service", "record"), herald),
		out:    outgoing.Dialer{Allow: allow},
		access: policy,
		webrtc: peers,
	}, nil
}

// newHost knows the program that transcodes. It starts nothing.
func newHost(settings config.Transcode, log *slog.Logger) *worker.Host {
	return worker.NewHost(worker.Config{
		Path: settings.Worker, Cores: settings.CPU, Confine: true, Log: log.With("service", "transcode"),
	})
}

// stages is THE list of the stage types that this binary knows.
func stages(s services) []pipeline.Factory {
	return []pipeline.Factory{
		rtmp.Factory(s.door),
		whip.Factory(s.http, s.peers, s.access),
		file.Factory(s.files),
		testcard.Factory(s.av),
		switcher.Factory(),
		hls.Factory(s.http, s.access),
		whep.Factory(s.http, s.viewers, s.peers, s.access),
		record.Factory(s.depot),
		push.Factory(s.out.DialContext),
		tounits.Factory(),
		rtp.Factory(),
		audio.Factory(s.av),
		video.Factory(s.av, s.files),
		mixer.Factory(s.av, s.files),
	}
}
