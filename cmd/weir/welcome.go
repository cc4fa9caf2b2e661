package main

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"weir/pipeline"
	"weir/pipeline/config"
)

// welcome prints where to publish and where to watch.
func welcome(out io.Writer, s *server, src *source, file *config.File) {
	fmt.Fprintf(out, "weir %s, configuration %s\n\n", version(), file.Name)
	for _, plan := range file.Plans {
		path := example(plan.Def.Pattern)
		fmt.Fprintf(out, "  %s\n", plan.Def.Pattern)
		key := "…"
		if src.key != "" {
			key = src.key
		}
		if uses(plan, "ingest/whip") && s.services.peers != nil {
			fmt.Fprintf(out, "    publish    %s/%s/whip   bearer token %s\n", s.web(), path, key)
		}
		if uses(plan, "ingest/rtmp") {
			for _, b := range s.bound {
				if b.Name == "http" {
					continue
				}
				at := strings.ToLower(b.Protocol) + "://" + reachable(b.Listener)
				app, name := cutLast(path)
				fmt.Fprintf(out, "    publish    %s/%s?key=%s\n", at, path, key)
				fmt.Fprintf(out, "    from OBS   server %s/%s   stream key %s?key=%s\n", at, app, name, key)
			}
		}
		fmt.Fprintf(out, "    watch      %s/%s\n", s.web(), path)
	}
	fmt.Fprintf(out, "\n  health %s/readyz?verbose   metrics %s/metrics   streams %s/\n", s.web(), s.web(), s.web())
	if token := s.auth.SetupToken(); token != "" {
		fmt.Fprintf(out, "  set up     %s/setup#token=%s\n", s.web(), token)
		fmt.Fprintln(out, "  Until there is a user, this machine may do everything and others may not operate the server.")
		if s.settings.Access.State == "" {
			fmt.Fprintln(out, "  Users and keys are forgotten when the server ends; set WEIR_SERVER__ACCESS__STATE to a file to keep them.")
		}
	}
	if src.key != "" {
		fmt.Fprintf(out, "  The key was made up for this run; set %s to keep one.\n", keyVariable)
	}
	fmt.Fprintln(out)
}

// web is the address of the HTTP listener as a local browser reaches it.
func (s *server) web() string {
	for _, b := range s.bound {
		if b.Name == "http" {
			return strings.ToLower(b.Protocol) + "://" + reachable(b.Listener)
		}
	}
	return ""
}

// reachable is a listener's address, with this machine for all addresses.
func reachable(l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return l.Addr().String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// example is a path that the pattern matches.
func example(p pipeline.Pattern) string {
	path := p.String()
	if only, ok := p.Path(); ok {
		return only
	}
	for n, v := range p.Vars() {
		name := "studio"
		if n > 0 {
			name = v
		}
		path = strings.Replace(path, "{"+v+"}", name, 1)
	}
	return path
}

func cutLast(path string) (app, name string) {
	i := strings.LastIndex(path, "/")
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}

func uses(plan *pipeline.Plan, stage string) bool {
	return slices.ContainsFunc(plan.Nodes, func(n *pipeline.Node) bool { return n.Use == stage })
}
