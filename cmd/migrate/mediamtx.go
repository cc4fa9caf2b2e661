package migrate

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"weir/pipeline/config"
)

// mediamtx translates a mediamtx.yml.
type mediamtx struct {
	root, defaults *config.Tree
	out            draft
}

// fromMediaMTX says what a mediamtx.yml says.
func fromMediaMTX(name string, root *config.Tree) string {
	m := &mediamtx{root: root, defaults: root.Field("pathDefaults"), out: draft{source: name}}
	m.server()
	m.access()
	m.paths()
	m.rest()
	return m.out.String()
}

// is says whether a setting of the file's top is on.
func (m *mediamtx) is(key string, unset bool) bool { return truth(m.root.Field(key), unset) }

func truth(t *config.Tree, unset bool) bool {
	switch strings.ToLower(t.Text()) {
	case "yes", "true", "on":
		return true
	case "no", "false", "off":
		return false
	default:
		return unset
	}
}

// or is the text of a setting, or what it is without one.
func or(t *config.Tree, unset string) string {
	if t == nil {
		return unset
	}
	return t.Text()
}

func (m *mediamtx) text(key, unset string) string { return or(m.root.Field(key), unset) }

func (m *mediamtx) line(key string) int { return m.root.Field(key).Line() }

// server translates listeners, certificate and log.
func (m *mediamtx) server() {
	d := &m.out
	var listen string
	switch {
	case m.is("hls", true):
		listen = m.text("hlsAddress", ":8888")
	case m.is("webrtc", true):
		listen = m.text("webrtcAddress", ":8889")
	default:
		listen = m.text("apiAddress", ":9997")
	}
	d.set("http", "{listen: "+quote(listen, true)+"}")
	note(&d.unserved, 0, "One address serves HLS, WHIP, WHEP, pages, API and metrics: MediaMTX had one for each (hlsAddress, webrtcAddress, apiAddress, metricsAddress, playbackAddress). A stream is at http://HOST/PATH, its HLS playlist at /PATH/index.m3u8, WHIP at /PATH/whip, WHEP at /PATH/whep, as they were.")
	m.rtmp()
	m.webrtc()
	for _, p := range []string{"hls", "webrtc", "api", "metrics"} {
		if m.is(p+"Encryption", false) {
			m.certificate(p)
		}
	}
	if m.is("rtsp", true) {
		note(&d.notes, m.line("rtsp"), "RTSP has no equivalent: Weir takes streams by RTMP, RTMPS and WHIP and gives them by HLS and WHEP. Cameras need a program that pulls them and publishes, such as ffmpeg: see the paths below.")
	}
	if m.is("srt", true) {
		note(&d.notes, m.line("srt"), "SRT has no equivalent: publish by RTMP or WHIP.")
	}
	switch level := m.text("logLevel", "info"); level {
	case "debug", "warn", "error":
		d.set("log", "{level: "+level+"}")
	}
	if slices.ContainsFunc(m.root.Field("logDestinations").Items(), func(t *config.Tree) bool { return t.Text() != "stdout" }) {
		note(&d.notes, m.line("logDestinations"), "Weir logs to standard error only; what runs it (systemd, Docker) keeps the log.")
	}
}

func (m *mediamtx) rtmp() {
	d := &m.out
	encryption := m.text("rtmpEncryption", "no")
	plain := m.text("rtmpAddress", ":1935")
	if !m.is("rtmp", true) || encryption == "strict" {
		plain = ""
	}
	d.set("rtmp", "{listen: "+quote(plain, true)+"}")
	if m.is("rtmp", true) && (encryption == "strict" || encryption == "optional") {
		d.set("rtmps", "{listen: "+quote(m.text("rtmpsAddress", ":1936"), true)+"}")
		m.certificate("rtmp")
	}
}

// certificate takes over the one of a protocol; there is one for all here.
func (m *mediamtx) certificate(protocol string) {
	key, cert := m.text(protocol+"ServerKey", "server.key"), m.text(protocol+"ServerCert", "server.crt")
	m.out.set("tls", "{cert: "+quote(cert, true)+", key: "+quote(key, true)+"}")
	note(&m.out.unserved, 0, "server.tls is one certificate for all: HTTP becomes HTTPS with it, and RTMPS uses it too.")
}

func (m *mediamtx) webrtc() {
	d := &m.out
	if !m.is("webrtc", true) {
		d.set("webrtc", `{udp: "", tcp: ""}`)
		return
	}
	fields := []string{
		"udp: " + quote(m.text("webrtcLocalUDPAddress", ":8189"), true),
		"tcp: " + quote(m.text("webrtcLocalTCPAddress", ""), true),
	}
	if m.text("webrtcLocalUDPAddress", ":8189") == "" {
		note(&d.notes, m.line("webrtcLocalUDPAddress"), "Without a UDP address WebRTC is off here: name one in server.webrtc.udp.")
	}
	var public, stun []string
	for _, h := range m.root.Field("webrtcAdditionalHosts").Items() {
		if ip, err := netip.ParseAddr(h.Text()); err == nil && !ip.IsUnspecified() && ip.Zone() == "" && !ip.IsMulticast() {
			public = append(public, quote(h.Text(), true))
		} else {
			note(&d.notes, h.Line(), "server.webrtc.public takes IP addresses only: add those of %s.", shown(h.Text()))
		}
	}
	for _, s := range m.root.Field("webrtcICEServers2").Items() {
		url := s.Field("url").Text()
		host, found := strings.CutPrefix(url, "stun:")
		switch _, _, err := net.SplitHostPort(host); {
		case found && err == nil:
			stun = append(stun, quote(host, true))
		case found:
			stun = append(stun, quote(net.JoinHostPort(host, "3478"), true))
		default:
			note(&d.notes, s.Line(), "The TURN server %s: add it as server.webrtc.turn with its shared secret (coturn's use-auth-secret). Passwords of single users have no equivalent.", shown(url))
		}
	}
	if len(public) > 0 {
		fields = append(fields, "public: ["+strings.Join(public, ", ")+"]")
	}
	if len(stun) > 0 {
		fields = append(fields, "stun: ["+strings.Join(stun, ", ")+"]")
	}
	d.set("webrtc", "{"+strings.Join(fields, ", ")+"}")
}

// access says what becomes of users and permissions.
func (m *mediamtx) access() {
	d := &m.out
	switch method := m.text("authMethod", "internal"); method {
	case "http":
		note(&d.notes, m.line("authMethod"), "authMethod: http asks %s. Weir asks an external server too, and in MediaMTX's form: it is part of server.access.", shown(m.text("authHTTPAddress", "an address")))
	case "jwt":
		note(&d.notes, m.line("authMethod"), "authMethod: jwt with the keys at %s: JWTs are part of server.access. The claims are streams and actions, not mediamtx_permissions.", shown(m.text("authJWTJWKS", "an address")))
	default:
		for _, u := range m.root.Field("authInternalUsers").Items() {
			m.user(u)
		}
	}
}

func (m *mediamtx) user(u *config.Tree) {
	name := u.Field("user").Text()
	var can []string
	publish := false
	for _, p := range u.Field("permissions").Items() {
		action, path := p.Field("action").Text(), p.Field("path").Text()
		publish = publish || action == "publish"
		if path != "" {
			action += " " + path
		}
		can = append(can, action)
	}
	var ips []string
	for _, ip := range u.Field("ips").Items() {
		ips = append(ips, ip.Text())
	}
	where := ""
	if len(ips) > 0 {
		where = " from " + strings.Join(ips, ", ")
	}
	text := shown(fmt.Sprintf("%s may %s%s", name, strings.Join(can, ", "), where))
	switch {
	case name == "any" && publish:
		note(&m.out.notes, u.Line(), "The user %s. Weir lets nobody publish from elsewhere without a key: give the publishers one, by the variables above.", text)
	case name == "any":
		note(&m.out.notes, u.Line(), "The user %s: who may watch and use the API is said in server.access.", text)
	case publish:
		note(&m.out.notes, u.Line(), "The user %s. Who publishes shows a key here (rtmp://HOST/PATH?key=…, or as a bearer token by WHIP); tokens for single users are part of server.access.", text)
	default:
		note(&m.out.notes, u.Line(), "The user %s: make a user or a token with the same rights (server.access).", text)
	}
}

// ofPath are the beginnings of settings of a path that are spoken of, or need no word.
func ofPath() []string {
	return []string{
		"source", "record", "runOn", "rtsp", "rtp", "srt", "whep", "rpiCamera", "maxReaders", "overridePublisher", "alwaysAvailable", "useAbsoluteTimestamp",
	}
}

// without are settings that need no word: what they are about is said elsewhere, or Weir
// decides by itself.
func without() []string {
	return []string{
		"logLevel", "logDestinations", "logStructured", "logFile", "sysLogPrefix", "structuredLog", "paths", "pathDefaults",
		"readTimeout", "writeTimeout", "writeQueueSize", "readBufferCount", "udpMaxPayloadSize", "udpReadBufferSize", "auth", "rtsp", "rtp", "rtcp", "multicast", "srtp", "srtcp",
		"rtmp", "hls", "webrtc", "srt", "api", "metrics", "pprof", "playback", "externalAuthenticationURL",
	}
}

// rest speaks of what nothing has spoken of.
func (m *mediamtx) rest() {
	d := &m.out
	for _, key := range m.root.Keys() {
		t := m.root.Field(key)
		value := t.Text()
		switch {
		case key == "runOnConnect" || key == "runOnDisconnect":
			if value != "" {
				note(&d.notes, t.Line(), "%s ran a command (%s). Weir runs none: webhooks and events tell about sessions.", key, shown(value))
			}
		case key == "playback" && truth(t, false):
			note(&d.notes, t.Line(), "The playback server: recordings are listed, played and exported by the API and the pages, at server.http.")
		case key == "pprof" && truth(t, false):
			note(&d.notes, t.Line(), "pprof is part of the API, for admins.")
		case strings.HasSuffix(key, "TrustedProxies") && len(t.Items()) > 0:
			note(&d.notes, t.Line(), "%s has no equivalent.", key)
		case key == "hlsAlwaysRemux":
			if truth(t, false) {
				note(&d.notes, t.Line(), "hlsAlwaysRemux: HLS is always made here while a stream runs; its parts are put together when they are asked for.")
			}
		case key == "hlsDirectory" && value != "":
			note(&d.notes, t.Line(), "hlsDirectory: segments are in memory; with window and directory, outputs/hls keeps older ones on disk.")
		case !slices.ContainsFunc(without(), func(known string) bool { return strings.HasPrefix(key, known) }) && !strings.HasPrefix(key, "runOn"):
			note(&d.notes, t.Line(), "The setting %s is not known here, and nothing has been made of it.", shown(key))
		}
	}
}
