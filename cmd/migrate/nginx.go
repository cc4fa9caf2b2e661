package migrate

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// nginx translates an nginx.conf with the RTMP module.
type nginx struct {
	file string
	out  draft
}

// fromNginx says what the rtmp block of an nginx.conf says.
func fromNginx(file string, text []byte) (string, error) {
	top, err := parseDirectives(file, text)
	if err != nil {
		return "", err
	}
	n := &nginx{file: file, out: draft{source: file}}
	blocks := all(top, "rtmp")
	if len(blocks) == 0 {
		if includes := all(top, "include"); len(includes) > 0 {
			return "", errorAt(file, includes[0].line, "nginx -T prints all files as one; give that to weir import", "there is no rtmp block here, and files that are included are not read (%s)", shown(includes[0].arg()))
		}
		return "", fmt.Errorf("%s: there is no rtmp block in it\nhelp: only the RTMP module's configuration has an equivalent", file)
	}
	if err := included(file, blocks); err != nil {
		return "", err
	}
	n.out.set("http", `{listen: ":8080"}`)
	note(&n.out.unserved, 0, "HLS, pages, API and metrics are at server.http. nginx's http block has no equivalent; Weir serves its streams by itself, at http://HOST:8080/APP/NAME.")
	for _, rtmp := range blocks {
		for _, server := range all(rtmp.block, "server") {
			n.server(server)
		}
		n.others(rtmp.block, "server")
	}
	for i := range top {
		switch d := &top[i]; d.name() {
		case "rtmp", "events", "user", "worker_processes", "worker_rlimit_nofile", "pid", "error_log", "load_module", "daemon", "include", "rtmp_auto_push", "rtmp_auto_push_reconnect", "rtmp_socket_dir", "env":
		case "http":
			n.http(d)
		default:
			note(&n.out.notes, d.line, "%s has no equivalent.", clean(d.name()))
		}
	}
	if len(n.out.pipelines) == 0 {
		note(&n.out.notes, 0, "There were no live applications; whatever is published under live/ is taken.")
		n.application(&directive{words: []string{"application", "live"}, block: []directive{{words: []string{"live", "on"}}}})
	}
	return n.out.String(), nil
}

// included refuses includes in blocks, since what is in them would be left out unseen.
func included(file string, blocks []*directive) error {
	for _, b := range blocks {
		var inner []*directive
		for i := range b.block {
			d := &b.block[i]
			if d.name() == "include" {
				return errorAt(file, d.line, "nginx -T prints all files as one; give that to weir import, or put the text in its place", "%s is not read: files that are included are not followed", shown(d.arg()))
			}
			if d.open {
				inner = append(inner, d)
			}
		}
		if err := included(file, inner); err != nil {
			return err
		}
	}
	return nil
}

func (n *nginx) http(d *directive) {
	for _, s := range all(d.block, "server") {
		for _, l := range all(s.block, "location") {
			if len(all(l.block, "rtmp_stat")) > 0 {
				note(&n.out.notes, l.line, "rtmp_stat: GET /v1/streams and /metrics tell the same.")
			}
			if len(all(l.block, "rtmp_control")) > 0 {
				note(&n.out.notes, l.line, "rtmp_control: the API drops publishers and viewers, and starts and stops recordings (DELETE /v1/streams/{stream}/sessions/{session}, POST /v1/streams/{stream}/recordings).")
			}
		}
	}
}

// server translates a listener and its applications.
func (n *nginx) server(s *directive) {
	for i, l := range all(s.block, "listen") {
		address := l.arg()
		if !strings.Contains(address, ":") || strings.HasSuffix(address, "]") {
			if number(address, 1, 65535) {
				address = ":" + address
			} else {
				address += ":1935"
			}
		}
		address = strings.TrimPrefix(address, "*")
		if i > 0 || len(n.out.server) > 1 {
			note(&n.out.notes, l.line, "listen %s: there is one address for RTMP; this is a further one.", shown(l.arg()))
			continue
		}
		n.out.set("rtmp", "{listen: "+quote(address, true)+"}")
	}
	for _, a := range all(s.block, "application") {
		n.application(a)
	}
	n.others(s.block, "listen", "application")
}

// others speaks of what stands beside applications.
func (n *nginx) others(block []directive, known ...string) {
	for i := range block {
		d := &block[i]
		skip := false
		for _, k := range known {
			skip = skip || d.name() == k
		}
		if !skip {
			n.unknown(&n.out.notes, d)
		}
	}
}

// unknown says what there is instead of a directive.
func (n *nginx) unknown(notes *[]string, d *directive) {
	name := d.name()
	switch {
	case needless(name):
	case strings.HasPrefix(name, "on_"):
		n.callback(notes, d)
	case strings.HasPrefix(name, "exec"):
		note(notes, d.line, "%s ran a command (%s). Weir runs none: the webhooks stream.started, stream.stopped and recording.segment.ready tell another program.", name, shown(strings.Join(d.words[1:], " ")))
	case name == "allow" || name == "deny":
		note(notes, d.line, "%s: who may publish and watch is said by keys and in server.access, which has lists of addresses too.", shown(strings.Join(d.words, " ")))
	case strings.HasPrefix(name, "dash"):
		note(notes, d.line, "%s: DASH has no equivalent; HLS with fMP4 segments plays wherever DASH does.", shown(strings.Join(d.words, " ")))
	case name == "max_connections":
		note(notes, d.line, "max_connections %s: server.rtmp.connections bounds the connections.", shown(d.arg()))
	default:
		note(notes, d.line, "%s has no equivalent.", shown(strings.Join(d.words, " ")))
	}
}

// needless are directives that need no word: what they are about is Weir's own affair.
func needless(name string) bool {
	switch name {
	case "live", "chunk_size", "max_message", "buflen", "out_queue", "out_cork", "timeout", "ping", "ping_timeout", "ack_window",
		"meta", "interleave", "wait_key", "wait_video", "publish_notify", "play_restart", "drop_idle_publisher", "sync", "idle_streams",
		"so_keepalive", "busy", "access_log", "log_format", "max_streams", "hls_cleanup", "hls_sync", "hls_continuous", "hls_nested",
		"hls_path", "hls_fragment", "hls_playlist_length", "hls_type", "hls_fragment_naming", "hls_fragment_slicing", "hls_base_url",
		"push_reconnect", "pull_reconnect", "session_relay", "record_path", "record_suffix", "record_unique", "record_append",
		"record_lock", "record_interval", "record_max_size", "record_max_frames", "record_notify", "notify_method", "notify_update_timeout",
		"notify_update_strict", "notify_relay_redirect", "respawn", "respawn_timeout", "exec_kill_signal", "exec_options", "hls", "record", "hls_max_fragment", "hls_fragment_naming_granularity":
		return true
	}
	return false
}

func (n *nginx) callback(notes *[]string, d *directive) {
	to := shown(d.arg())
	switch d.name() {
	case "on_connect", "on_publish", "on_play":
		note(notes, d.line, "%s asks %s: an external server is asked in this form, too; it is part of server.access.", d.name(), to)
	default:
		note(notes, d.line, "%s tells %s: a webhook does that, with another body (stream.stopped, recording.completed, session events).", d.name(), to)
	}
}

// application makes a pipeline.
func (n *nginx) application(a *directive) {
	name := a.arg()
	if on := all(a.block, "live"); len(on) == 0 || on[0].arg() != "on" {
		what := "it is not live"
		if len(all(a.block, "play")) > 0 {
			what = "it plays files: ingest/file plays one as a stream, and recordings are played by the API and the pages"
		}
		note(&n.out.notes, a.line, "The application %s is left out: %s.", shown(name), what)
		return
	}
	f := &flow{pattern: name + "/{name}"}
	if !n.out.free(f, a.line) {
		return
	}
	cam := f.step(&step{name: "cam", use: "ingest/rtmp"})
	cam.with = append(cam.with, field{"key", n.out.secret("WEIR_KEY_"+name, "what publishers of "+clean(name)+" have to show (rtmp://HOST/"+clean(name)+"/NAME?key=…); without it only those on this machine are let in", a.line, "")})
	hls := n.hls(a)
	f.step(hls)
	for i := range a.block {
		n.inside(f, hls, a, &a.block[i])
	}
	n.out.pipelines = append(n.out.pipelines, f)
}

// inside translates a directive of an application.
func (n *nginx) inside(f *flow, hls *step, a, d *directive) {
	switch d.name() {
	case "push":
		n.push(f, d)
	case "pull":
		note(&f.notes, d.line, "pull %s: Weir does not pull streams. A service on this machine does instead: ffmpeg -i '%s' -c copy -f flv 'rtmp://127.0.0.1/%s/NAME'", shown(d.arg()), shown(d.arg()), shown(a.arg()))
	case "record":
		if d.arg() != "off" {
			f.step(n.record(a.block, d))
		}
	case "recorder":
		for _, r := range all(d.block, "record") {
			if r.arg() != "off" {
				f.step(n.record(d.block, r))
			}
		}
	case "exec", "exec_push":
		if n.out.relay(f, "cam", strings.Join(d.words[1:], " "), d.line) {
			note(&f.notes, d.line, "%s pushed by ffmpeg; a stage does that now.", d.name())
		} else {
			n.unknown(&f.notes, d)
		}
	case "hls_variant":
		note(&hls.notes, d.line, "hls_variant %s: a ladder of renditions is one stage here, use: transcode/video with layers, between cam and hls; no second application is needed.", shown(strings.Join(d.words[1:], " ")))
	case "hls_keys", "hls_key_path", "hls_key_url", "hls_fragments_per_key":
		note(&hls.notes, d.line, "%s: encryption of HLS segments has no equivalent; serve them by HTTPS (server.tls) and ask for signed addresses.", d.name())
	default:
		n.unknown(&f.notes, d)
	}
}

// hls is the output that the hls… directives describe. Every application has one, or
// nobody could watch.
func (n *nginx) hls(a *directive) *step {
	s := &step{name: "hls", use: "outputs/hls", from: "cam"}
	on := all(a.block, "hls")
	if len(on) == 0 || on[0].arg() != "on" {
		note(&s.notes, a.line, "Viewers came by RTMP; here they come by HLS, or with use: outputs/whep by WebRTC.")
		return s
	}
	for _, p := range all(a.block, "hls_path") {
		note(&s.notes, p.line, "hls_path %s: segments are in memory, and served at http://HOST:8080/%s/NAME/index.m3u8.", shown(p.arg()), shown(a.arg()))
	}
	fragment := 5 * time.Second
	if d := all(a.block, "hls_fragment"); len(d) > 0 {
		if v, ok := nginxTime(d[0].arg()); ok && v >= time.Second && v <= 30*time.Second {
			fragment = v
			s.with = append(s.with, field{"segment", short(v)})
		}
	}
	if d := all(a.block, "hls_playlist_length"); len(d) > 0 {
		if v, ok := nginxTime(d[0].arg()); ok {
			s.with = append(s.with, field{"segments", strconv.Itoa(int(min(max(v/fragment, 3), 100)))})
		}
	}
	return s
}

// push makes a stage of a push directive.
func (n *nginx) push(f *flow, d *directive) {
	t, ok := parseTarget(d.arg())
	for _, option := range d.words[min(2, len(d.words)):] {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "playpath":
			t.key = value
		case "app":
			t.app = value
		default:
			note(&f.notes, d.line, "The option %s of push has no equivalent.", shown(key))
		}
	}
	switch {
	case !ok:
		note(&f.notes, d.line, "push %s is no RTMP address that can be taken over.", shown(d.arg()))
	case t.key == "":
		note(&f.notes, d.line, "push %s: it published each stream under its own name. A push has one name here, its key: make a pipeline for each stream that is pushed (%s/NAME instead of %s), with a stage {use: outputs/rtmp, from: cam, with: {url: %s, key: NAME}}.", clean(t.url()), strings.TrimSuffix(f.pattern, "/{name}"), f.pattern, quote(t.url(), true))
	default:
		n.out.push(f, "cam", &t, d.line)
	}
}

// record makes a stage of a record directive and those beside it.
func (n *nginx) record(block []directive, d *directive) *step {
	s := &step{name: "keep", use: "record", from: "cam"}
	dir := "."
	if p := all(block, "record_path"); len(p) > 0 && p[0].arg() != "" {
		dir = p[0].arg()
	}
	s.with = append(s.with, field{"store", "{dir: " + quote(dir, true) + "}"})
	note(&s.notes, d.line, "A recording is a directory (APP/NAME/YYYY/MM/DD/…) with an HLS playlist and fMP4 segments, not an FLV file; export: mp4 adds one file.")
	for _, word := range d.words[1:] {
		switch word {
		case "manual":
			s.with = append(s.with, field{"start", "manual"})
		case "audio", "video", "keyframes":
			note(&s.notes, d.line, "record %s: picture and sound are always recorded, whole.", word)
		}
	}
	var split []string
	if p := all(block, "record_interval"); len(p) > 0 {
		if v, ok := nginxTime(p[0].arg()); ok && v >= time.Minute {
			split = append(split, "every: "+short(v))
		} else if p[0].arg() != "off" {
			note(&s.notes, p[0].line, "record_interval %s is too short: a recording is split after a minute at least, and can be played while it grows.", shown(p[0].arg()))
		}
	}
	if p := all(block, "record_max_size"); len(p) > 0 {
		if v, ok := nginxSize(p[0].arg()); ok && v >= 1<<20 {
			split = append(split, fmt.Sprintf("size: %dMiB", v>>20))
		}
	}
	if len(split) > 0 {
		s.with = append(s.with, field{"split", "{" + strings.Join(split, ", ") + "}"})
	}
	return s
}

// nginxTime reads a time: 500ms, 5s, 1m30s, 2h, 1d, or seconds.
func nginxTime(text string) (time.Duration, bool) {
	if n, err := strconv.Atoi(text); err == nil && n >= 0 && n < 1e8 {
		return time.Duration(n) * time.Second, true
	}
	d, err := time.ParseDuration(days(text))
	return d, err == nil && d >= 0
}

// nginxSize reads a size: bytes, or with K, M or G.
func nginxSize(text string) (int64, bool) {
	if text == "" {
		return 0, false
	}
	shift := 0
	switch text[len(text)-1] {
	case 'k', 'K':
		shift = 10
	case 'm', 'M':
		shift = 20
	case 'g', 'G':
		shift = 30
	}
	if shift > 0 {
		text = text[:len(text)-1]
	}
	n, err := strconv.ParseInt(text, 10, 32)
	return n << shift, err == nil && n >= 0
}
