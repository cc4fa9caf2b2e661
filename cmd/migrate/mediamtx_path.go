package migrate

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"weir/pipeline/config"
)

// paths makes pipelines of the paths.
func (m *mediamtx) paths() {
	paths := m.root.Field("paths")
	for _, name := range paths.Keys() {
		p := mediamtxPath{m: m, name: name, tree: paths.Field(name)}
		for _, pattern := range p.patterns() {
			p.flow(pattern)
		}
	}
	if len(m.out.pipelines) == 0 {
		note(&m.out.notes, 0, "There were no paths that could be taken over; whatever is published under live/ is.")
		p := mediamtxPath{m: m, name: "live"}
		p.flow("live/{name}")
	}
}

// mediamtxPath is one entry of paths.
type mediamtxPath struct {
	m    *mediamtx
	name string
	tree *config.Tree
}

// get is a setting of the path, or the default for all paths.
func (p *mediamtxPath) get(key string) *config.Tree {
	if t := p.tree.Field(key); t != nil {
		return t
	}
	return p.m.defaults.Field(key)
}

// simple matches expressions of which one segment may be anything.
var simple = regexp.MustCompile(`^~\^((?:[A-Za-z0-9][A-Za-z0-9._~-]*/)*)\(?(?:\[[^\]]+\]|\.|\\w|\\d)[+*]\)?\$?$`)

// patterns are the pipelines that a name stands for.
func (p *mediamtxPath) patterns() []string {
	line := p.line()
	switch {
	case p.name == "all" || p.name == "all_others" || p.name == "~^.*$":
		note(&p.m.out.notes, line, "%s becomes two patterns, for paths of one segment and of two; add others for deeper ones.", p.name)
		return []string{"{name}", "{app}/{name}"}
	case strings.HasPrefix(p.name, "~"):
		if s := simple.FindStringSubmatch(p.name); s != nil {
			note(&p.m.out.notes, line, "The expression %s becomes %s{name}: a variable stands for one segment, whatever is in it.", shown(p.name), s[1])
			return []string{s[1] + "{name}"}
		}
		note(&p.m.out.notes, line, "The expression %s has no equivalent: patterns have variables for whole segments, such as live/{name}.", shown(p.name))
		return nil
	default:
		return []string{p.name}
	}
}

func (p *mediamtxPath) line() int {
	if p.tree == nil {
		return 0
	}
	return p.tree.Line()
}

// flow makes one pipeline.
func (p *mediamtxPath) flow(pattern string) {
	f := &flow{pattern: pattern}
	if !p.m.out.free(f, p.line()) || !p.source(f) {
		return
	}
	d := &p.m.out
	if p.m.is("hls", true) {
		f.step(p.hls())
	}
	if p.m.is("webrtc", true) {
		f.step(&step{name: "watch", use: "outputs/whep", from: "cam"})
	}
	if truth(p.get("record"), false) {
		f.step(p.record())
	}
	p.hooks(f)
	for _, key := range p.tree.Keys() {
		if !slices.ContainsFunc(ofPath(), func(known string) bool { return strings.HasPrefix(key, known) }) {
			note(&f.notes, p.tree.Field(key).Line(), "The setting %s is not known here, and nothing has been made of it.", shown(key))
		}
	}
	if len(f.stages) == 1 {
		note(&f.notes, p.line(), "MediaMTX gave this by RTSP or SRT only; here it is HLS.")
		f.step(&step{name: "hls", use: "outputs/hls", from: "cam"})
	}
	if n := or(p.get("maxReaders"), "0"); n != "0" && n != "" {
		note(&f.notes, p.get("maxReaders").Line(), "maxReaders: %s has no equivalent for one stream; server.http.connections bounds all viewers.", clean(n))
	}
	if truth(p.get("alwaysAvailable"), false) {
		note(&f.notes, p.get("alwaysAvailable").Line(), "alwaysAvailable: an ingest/file or ingest/test that loops, and an ingest/switch in front of the outputs, do the same.")
	}
	if p.get("overridePublisher") != nil && !truth(p.get("overridePublisher"), true) {
		note(&f.notes, p.get("overridePublisher").Line(), "overridePublisher: a second publisher is refused here as long as the first one is there.")
	}
	d.pipelines = append(d.pipelines, f)
}

// source makes the first stage; false says that nothing comes of the path.
func (p *mediamtxPath) source(f *flow) bool {
	d, m := &p.m.out, p.m
	source := or(p.get("source"), "publisher")
	line := p.get("source").Line()
	if source == "redirect" {
		note(&d.notes, line, "%s redirects to %s: redirects have no equivalent; give viewers the other address.", clean(p.name), shown(or(p.get("sourceRedirect"), "another path")))
		return false
	}
	var uses []string
	if m.is("rtmp", true) {
		uses = append(uses, "ingest/rtmp")
	}
	if m.is("webrtc", true) {
		uses = append(uses, "ingest/whip")
	}
	if len(uses) == 0 {
		uses = []string{"ingest/rtmp"}
		note(&f.notes, 0, "RTMP and WebRTC were off; publishers need one of them here.")
		d.server = slices.DeleteFunc(d.server, func(f field) bool { return f.key == "rtmp" })
	}
	use := uses[0]
	if len(uses) > 1 {
		use = "[" + strings.Join(uses, ", ") + "]"
	}
	s := &step{name: "cam", use: use}
	s.with = append(s.with, field{"key", d.secret("WEIR_KEY_"+f.pattern, "what publishers of "+f.pattern+" have to show; without it only those on this machine are let in", p.line(), "")})
	scheme, _, isURL := strings.Cut(source, "://")
	switch {
	case source == "publisher" || source == "":
	case source == "rpiCamera":
		note(&s.notes, line, "source: rpiCamera has no equivalent. On the Raspberry Pi: rpicam-vid -t 0 --inline -o - | ffmpeg -f h264 -i - -c copy -f flv 'rtmp://HOST/%s?key=…'", f.pattern)
	case isURL:
		p.pull(s, f.pattern, scheme, source, line)
	default:
		note(&s.notes, line, "source: %s is not known here; a publisher is waited for.", shown(source))
	}
	f.step(s)
	return true
}

// pull says how a stream comes here that MediaMTX fetched.
func (p *mediamtxPath) pull(s *step, path, scheme, source string, line int) {
	options := ""
	switch {
	case strings.HasPrefix(scheme, "rtsp"):
		options = "-rtsp_transport tcp "
	case strings.HasPrefix(scheme, "whep"):
		note(&s.notes, line, "source: %s: Weir does not pull streams, and ffmpeg cannot read WHEP. Let the other server push here by RTMP or WHIP.", shown(source))
		return
	case strings.HasSuffix(scheme, "+rtp"):
		note(&s.notes, line, "source: %s: Weir does not take bare RTP. Give the SDP to ffmpeg and let it publish here.", shown(source))
		return
	}
	note(&s.notes, line, "source: %s: Weir does not pull streams. A service on this machine does instead: ffmpeg %s-i '%s' -c copy -f flv 'rtmp://127.0.0.1/%s'", shown(source), options, shown(strings.Replace(source, "+mpegts", "", 1)), path)
	if truth(p.get("sourceOnDemand"), false) {
		note(&s.notes, p.get("sourceOnDemand").Line(), "sourceOnDemand has no equivalent: ffmpeg pulls all the time.")
	}
}

// hls is the output of the file's hls… settings.
func (p *mediamtxPath) hls() *step {
	m := p.m
	s := &step{name: "hls", use: "outputs/hls", from: "cam"}
	switch m.text("hlsVariant", "lowLatency") {
	case "mpegts":
		s.with = append(s.with, field{"container", "mpegts"}, field{"low_latency", "false"})
	case "fmp4":
		s.with = append(s.with, field{"low_latency", "false"})
	}
	if v := m.text("hlsSegmentDuration", ""); lasts(v, time.Second, 30*time.Second) && v != "1s" {
		s.with = append(s.with, field{"segment", v})
	}
	if v := m.text("hlsPartDuration", ""); lasts(v, 100*time.Millisecond, time.Second) && v != "200ms" {
		s.with = append(s.with, field{"part", v})
	}
	if v := m.text("hlsSegmentCount", "7"); v != "7" && number(v, 3, 100) {
		s.with = append(s.with, field{"segments", v})
	}
	return s
}

// record is the recording of the path's record… settings.
func (p *mediamtxPath) record() *step {
	s := &step{name: "keep", use: "record", from: "cam"}
	path := or(p.get("recordPath"), "./recordings/%path/%Y-%m-%d_%H-%M-%S-%f")
	dir, _, _ := strings.Cut(path, "%")
	dir = strings.TrimRight(dir, "/")
	if dir == "" {
		dir = "."
	}
	s.with = append(s.with, field{"store", "{dir: " + quote(dir, true) + "}"})
	note(&s.notes, p.get("recordPath").Line(), "A recording is a directory (PATH/YYYY/MM/DD/…) with an HLS playlist and fMP4 segments, not one file; export: mp4 adds one. The name %s has no equivalent but the template in path.", shown(path))
	if or(p.get("recordFormat"), "fmp4") == "mpegts" {
		note(&s.notes, p.get("recordFormat").Line(), "recordFormat: mpegts has no equivalent: segments are fMP4.")
	}
	if v := or(p.get("recordPartDuration"), "1s"); v != "1s" && lasts(v, 200*time.Millisecond, 10*time.Second) {
		s.with = append(s.with, field{"fragment", v})
	}
	if v := or(p.get("recordSegmentDuration"), "1h"); lasts(v, time.Minute, 10000*time.Hour) {
		s.with = append(s.with, field{"split", "{every: " + v + "}"})
	}
	switch v := days(or(p.get("recordDeleteAfter"), "1d")); {
	case v == "0s" || v == "0":
	case lasts(v, time.Second, 1e6*time.Hour):
		s.with = append(s.with, field{"keep", "{for: " + v + "}"})
	}
	return s
}

// hooks are the commands that MediaMTX ran.
func (p *mediamtxPath) hooks(f *flow) {
	for key, instead := range map[string]string{
		"runOnInit":                  "Publish with a service of your own; when: always and ingest/file or ingest/test need none.",
		"runOnDemand":                "when: demanded starts a pipeline for its viewers, but no command.",
		"runOnUnDemand":              "Webhooks tell about viewers.",
		"runOnReady":                 "The webhook stream.started tells another program.",
		"runOnNotReady":              "The webhook stream.stopped tells another program.",
		"runOnRead":                  "Webhooks and events tell about sessions.",
		"runOnUnread":                "Webhooks and events tell about sessions.",
		"runOnRecordSegmentCreate":   "The webhook recording.segment.ready tells another program.",
		"runOnRecordSegmentComplete": "The webhook recording.segment.ready tells another program.",
	} {
		t := p.get(key)
		if t.Text() == "" {
			continue
		}
		if key == "runOnReady" && p.m.out.relay(f, "cam", t.Text(), t.Line()) {
			note(&f.notes, t.Line(), "runOnReady pushed by ffmpeg; a stage does that now.")
			continue
		}
		note(&f.notes, t.Line(), "%s ran a command (%s). Weir runs none. %s", key, shown(t.Text()), instead)
	}
	slices.Sort(f.notes) // a map has no order
}
