package migrate

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// target is where a stream is pushed to by RTMP.
type target struct {
	secure           bool
	host, port       string
	app, key         string
	preset           string
	loopback, inside bool // on this machine; not public
}

// platforms are those that have presets, by the ends of their hosts' names.
func platforms() map[string]string {
	return map[string]string{
		".youtube.com": "youtube", ".twitch.tv": "twitch", ".live-video.net": "twitch", ".facebook.com": "facebook", ".fbcdn.net": "facebook",
	}
}

// parseTarget reads an address; ok says that it is one of an RTMP server.
func parseTarget(text string) (t target, ok bool) {
	if !strings.Contains(text, "://") {
		text = "rtmp://" + text // as nginx-rtmp takes it
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "rtmp" && u.Scheme != "rtmps" || u.Hostname() == "" {
		return t, false
	}
	t = target{secure: u.Scheme == "rtmps", host: u.Hostname(), port: u.Port()}
	t.app, t.key, _ = strings.Cut(strings.Trim(u.EscapedPath(), "/"), "/")
	if u.RawQuery != "" {
		t.key += "?" + u.RawQuery
	}
	for end, name := range platforms() {
		if strings.HasSuffix("."+t.host, end) {
			t.preset = name
		}
	}
	if ip, err := netip.ParseAddr(t.host); err == nil {
		t.loopback = ip.IsLoopback() || ip.IsUnspecified()
		t.inside = t.loopback || ip.IsPrivate() || ip.IsLinkLocalUnicast()
	} else if t.host == "localhost" {
		t.loopback, t.inside = true, true
	}
	return t, true
}

// url is the server without the key.
func (t *target) url() string {
	scheme, host := "rtmp://", t.host
	if t.secure {
		scheme = "rtmps://"
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if t.port != "" {
		host += ":" + t.port
	}
	return scheme + host + "/" + t.app
}

// push adds a stage that pushes to a target. Its key is not copied.
func (d *draft) push(f *flow, from string, t *target, line int) {
	name := t.preset
	if name == "" {
		name = "push"
	}
	s := f.step(&step{name: name, use: "outputs/rtmp", from: from})
	if t.preset != "" {
		s.with = append(s.with, field{"preset", t.preset})
	} else {
		s.with = append(s.with, field{"url", quote(t.url(), true)})
	}
	unset := "set-the-key"
	s.with = append(s.with, field{"key", d.secret(f.pattern+"_"+s.name+"_key", "the stream key at "+clean(t.host), line, unset)})
	switch {
	case t.loopback && t.port == "19350" || t.loopback && t.port == "19351":
		note(&s.notes, line, "Is this stunnel, for a platform that takes RTMPS only? Weir speaks RTMPS: write rtmps:// and the platform's host, or preset: facebook.")
	case t.loopback:
		note(&s.notes, line, "This goes to a program on this machine, which server.outgoing.allow permits.")
	}
	allow := t.host
	if t.inside {
		if t.host == "localhost" {
			d.permit("127.0.0.0/8")
			allow = "::1"
		}
		d.permit(allow)
	}
}

func (d *draft) permit(network string) {
	if !slices.Contains(d.allow, network) {
		d.allow = append(d.allow, network)
	}
}

// flvTo matches where a command of ffmpeg's sends a stream.
var flvTo = regexp.MustCompile(`-f\s+flv\s+["']?(rtmps?://[^\s"';|&]+)`)

// relay turns a command into what it does, if that is to push to another server.
// Variables stand for the name of the stream.
func (d *draft) relay(f *flow, from, command string, line int) bool {
	found := false
	for _, m := range flvTo.FindAllStringSubmatch(command, 16) {
		t, ok := parseTarget(m[1])
		if !ok || t.loopback || t.key == "" {
			continue
		}
		found = true
		d.push(f, from, &t, line)
		if !strings.Contains(command, "-c copy") && !strings.Contains(command, "-codec copy") {
			note(&f.notes, line, "The command may also transcode: add a stage with use: transcode/video in front of the push.")
		}
	}
	return found
}
