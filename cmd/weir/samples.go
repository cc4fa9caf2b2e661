package main

import "weir/control"

// samples are the figures of the services.
func (s *server) samples() []control.Sample {
	r, h, av := s.services.rtmp.Stats(), s.services.http.Stats(), s.services.av.Stats()
	out := []control.Sample{
		gauge("rtmp_connections", "Open RTMP connections.", r.Connections),
		gauge("rtmp_publishers", "RTMP connections that publish.", r.Publishers),
		total("rtmp_accepted_total", "RTMP connections accepted.", r.Accepted),
		total("rtmp_accept_errors_total", "Failures to accept an RTMP connection.", r.AcceptErrors),
		total("rtmp_panics_total", "Panics that cost an RTMP connection.", r.Panics),
		gauge("http_connections", "Open HTTP connections.", h.Conns),
		gauge("http_requests_in_flight", "HTTP requests being answered.", h.InFlight),
		total("http_requests_total", "HTTP requests.", h.Requests),
		total("http_accept_errors_total", "Failures to accept an HTTP connection.", h.AcceptErrors),
		total("http_panics_total", "Panics that cost an HTTP request.", h.Panics),
		total("http_slow_total", "HTTP responses given up because the peer was too slow.", h.Slow),
		gauge("transcode_jobs", "Jobs that have a place in the budget of CPU.", av.Jobs),
		{Name: "transcode_cores", Help: "Cores that the jobs are estimated to take.", Figure: av.Cores},
		{Name: "transcode_budget_cores", Help: "Cores that all jobs together may take.", Figure: av.Budget},
		total("transcode_falls_total", "Workers that ended before they were told to.", av.Falls),
		total("transcode_refusals_total", "Jobs for which there was no place in the budget, each time that they asked.", av.Refusals),
	}
	for _, l := range s.limits() {
		out = append(out,
			control.Sample{Name: "limit_current", Help: "What a limit counts at present.", Label: "limit", Value: l.name, Figure: l.current},
			control.Sample{Name: "limit_max", Help: "The limit.", Label: "limit", Value: l.name, Figure: l.max},
		)
	}
	out = append(append(out, s.joins()), s.expiry()...)
	kept := s.services.depot.Stats()
	out = append(out,
		control.Sample{Name: "upload_backlog_bytes", Help: "Recorded bytes that wait for their store.", Figure: float64(kept.Backlog)},
		control.Sample{Name: "upload_oldest_age_seconds", Help: "For how long the oldest of them has waited.", Figure: kept.OldestSeconds},
		control.Sample{Name: "upload_bytes_total", Help: "Recorded bytes that their store has.", Counter: true, Figure: float64(kept.Uploaded)},
		total("upload_objects_total", "Objects of recordings that their store has.", uint64(kept.Objects)),
		total("upload_failures_total", "Rounds of uploading that a store has failed.", uint64(kept.Failures)),
	)
	for reason, n := range r.Refused {
		out = append(out, total("rtmp_refused_total", "RTMP connections that were refused.", n, "reason", reason.String()))
	}
	return out
}

func gauge(name, help string, n int, label ...string) control.Sample {
	return sample(control.Sample{Name: name, Help: help, Figure: float64(n)}, label)
}

func total(name, help string, n uint64, label ...string) control.Sample {
	return sample(control.Sample{Name: name, Help: help, Counter: true, Figure: float64(n)}, label)
}

func sample(s control.Sample, label []string) control.Sample {
	if len(label) == 2 {
		s.Label, s.Value = label[0], label[1]
	}
	return s
}
