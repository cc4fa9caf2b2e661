package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"weir/pipeline"
)

// Server is the `server:` section: what all pipelines share.
type Server struct {
	HTTP      Listener       `yaml:"http" doc:"The HTTP listener: HLS, the watch page, metrics and health. It speaks HTTPS if server.tls has a certificate."`
	RTMP      Listener       `yaml:"rtmp" doc:"The RTMP listener, for publishers."`
	RTMPS     SecureListener `yaml:"rtmps" doc:"RTMP over TLS, with the certificate of server.tls. Off unless it has an address."`
	WebRTC    WebRTC         `yaml:"webrtc" doc:"The ports that all WebRTC peers share, publishers and viewers, and what they are told about the way here."`
	TLS       TLS            `yaml:"tls" doc:"The certificate of the HTTP and the RTMPS listener."`
	Transcode Transcode      `yaml:"transcode" doc:"The worker processes that transcode."`
	Access    Access         `yaml:"access" doc:"Who may publish, watch and operate this server."`
	Outgoing  Outgoing       `yaml:"outgoing" doc:"What this server may connect to by itself, such as the targets of pushes."`
	Webhooks  []Webhook      `yaml:"webhooks" doc:"Programs that are told what happens to streams, targets and recordings."`
	Log       Log            `yaml:"log" doc:"The log on standard error."`
	// Files is where stages open files for reading, by paths relative to it.
	Files string `yaml:"files" doc:"The directory that ingest/file reads from. Nothing outside of it can be opened."`
	// DrainTimeout bounds how long a SIGTERM waits for pipelines to end.
	DrainTimeout time.Duration `yaml:"drain_timeout" doc:"How long a stopping server waits for its pipelines to end."`
}

// Listener is one listening address with its limits.
type Listener struct {
	// Listen is host:port; the host may be empty for all. "" is no listener.
	Listen string `yaml:"listen" doc:"The address, host:port or :port for all of them. An empty text turns the listener off."`
	// Connections bounds the open connections, PerAddress those of one address; 0
	// is the built-in limit.
	Connections int `yaml:"connections" doc:"How many connections may be open at once; 0 is the built-in limit."`
	PerAddress  int `yaml:"per_address" doc:"How many of them may come from one IPv4 address or IPv6 /64 network; 0 is the built-in limit."`
}

// SecureListener is a second address for a protocol, which shares the limits of the
// first.
type SecureListener struct {
	// Listen is as in Listener.
	Listen string `yaml:"listen" doc:"The address, host:port or :port for all of them. An empty text turns the listener off."`
}

// WebRTC says how WebRTC peers reach this node.
type WebRTC struct {
	// UDP and TCP are host:port; the host may be empty for all. "" is no such way;
	// without UDP, WebRTC is off.
	UDP string `yaml:"udp" doc:"The UDP address for media, host:port or :port for all of them. An empty text turns WebRTC off."`
	TCP string `yaml:"tcp" doc:"The TCP address for peers that cannot use UDP. An empty text turns it off."`
	// Public are addresses at which peers reach this node although none of its
	// interfaces has them.
	Public []string `yaml:"public" doc:"Public IP addresses of this node, if it is behind a NAT or a load balancer."`
	// STUN are servers, host:port. This node asks them for its public address, and
	// peers are told about them.
	STUN []string `yaml:"stun" doc:"STUN servers, host:port, that tell this node its public address; peers are told about them too."`
	TURN TURN     `yaml:"turn" doc:"A TURN server (coturn with use-auth-secret) that peers are told about."`
}

// TURN is a relay with a shared secret.
type TURN struct {
	URLs   []string        `yaml:"urls" doc:"Its URLs, such as turn:relay.example.net:3478?transport=udp."`
	Secret pipeline.Secret `yaml:"secret" doc:"The secret that it shares with this node (static-auth-secret)."`
	TTL    time.Duration   `yaml:"ttl" doc:"How long the credentials that are made with it are valid."`
}

// TLS names a certificate and its key, both PEM files, or says how to get one.
type TLS struct {
	Cert string  `yaml:"cert" doc:"The file with the certificate chain, in PEM. A changed file is taken up without a restart."`
	Key  string  `yaml:"key" doc:"The file with its private key, in PEM."`
	Auto AutoTLS `yaml:"auto" doc:"Certificates that the server gets and renews by itself, by ACME."`
}

// Transcode says how workers are run.
type Transcode struct {
	Worker string  `yaml:"worker" doc:"The program weir-av; without it, the one beside weir, or in PATH."`
	CPU    float64 `yaml:"cpu" doc:"How many cores all transcoding together may take, by estimate: a job that does not fit is refused. 0 is as many as there are."`
}

// Outgoing bounds what the server connects to.
type Outgoing struct {
	// Allow are addresses and networks that are not public and may be connected to.
	Allow []string `yaml:"allow" doc:"Addresses and networks, such as 10.0.0.0/8, that may be connected to although they are not public."`
}

func (o *Outgoing) validate() error {
	for _, a := range o.Allow {
		_, bad := netip.ParsePrefix(a)
		if _, err := netip.ParseAddr(a); err != nil && bad != nil {
			return pipeline.Fieldf("outgoing.allow", "%q is neither an address nor a network", a).WithHint("write 10.0.0.0/8 or 192.168.1.7")
		}
	}
	return nil
}

// Log says how to log.
type Log struct {
	Level  string `yaml:"level" enum:"debug,info,warn,error" doc:"The least level that is logged."`
	Format string `yaml:"format" enum:"auto,text,json" doc:"Text or JSON lines; auto is text on a terminal and JSON elsewhere."`
}

// DefaultServer is the server section of a file that has none.
func DefaultServer() Server {
	return Server{
		HTTP:         Listener{Listen: ":8080"},
		RTMP:         Listener{Listen: ":1935"},
		WebRTC:       WebRTC{UDP: ":8189", TCP: ":8189", TURN: TURN{TTL: 12 * time.Hour}},
		TLS:          TLS{Auto: AutoTLS{Storage: "tls"}},
		Access:       defaultAccess(),
		Log:          Log{Level: "info", Format: "auto"},
		Files:        ".",
		DrainTimeout: 60 * time.Second,
	}
}

// Validate checks what a file has said.
func (s *Server) Validate() error {
	var errs []error
	errs = append(errs, s.HTTP.validate("http"), s.RTMP.validate("rtmp"), validAddress("rtmps.listen", s.RTMPS.Listen), s.WebRTC.validate(), s.Outgoing.validate(), s.TLS.validate(), s.Access.validate())
	errs = append(errs, validWebhooks(s.Webhooks))
	if (s.TLS.Cert == "") != (s.TLS.Key == "") {
		errs = append(errs, pipeline.Fieldf("tls", "a certificate needs both cert and key"))
	}
	if s.RTMPS.Listen != "" && !s.TLS.On() {
		errs = append(errs, pipeline.Fieldf("rtmps.listen", "RTMPS needs a certificate").
			WithHint("set tls: {cert: …, key: …} or tls: {auto: {domains: […]}} beside it"))
	}
	if s.HTTP.Listen == "" {
		errs = append(errs, pipeline.Fieldf("http.listen", "the HTTP listener cannot be turned off").
			WithHint("listen on 127.0.0.1:8080 to hide it"))
	}
	if c := s.Transcode.CPU; !(c >= 0 && c <= 4096) {
		errs = append(errs, pipeline.Fieldf("transcode.cpu", "%g is no number of cores", c).WithHint("try 1.5, or 0 for all"))
	}
	if s.Files == "" {
		errs = append(errs, pipeline.Fieldf("files", "the directory needs a name").WithHint(`"." is the working directory`))
	}
	return errors.Join(append(errs, s.sharedPorts())...)
}

func (l *Listener) validate(name string) error {
	errs := []error{validAddress(name+".listen", l.Listen)}
	if l.Connections < 0 {
		errs = append(errs, pipeline.Fieldf(name+".connections", "%d is negative", l.Connections))
	}
	if l.PerAddress < 0 {
		errs = append(errs, pipeline.Fieldf(name+".per_address", "%d is negative", l.PerAddress))
	}
	return errors.Join(errs...)
}

func (w *WebRTC) validate() error {
	errs := []error{validAddress("webrtc.udp", w.UDP), validAddress("webrtc.tcp", w.TCP)}
	for _, p := range w.Public {
		if ip, err := netip.ParseAddr(p); err != nil || ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "" {
			errs = append(errs, pipeline.Fieldf("webrtc.public", "%q is no public IP address", p).WithHint("write 203.0.113.7 or 2001:db8::7"))
		}
	}
	for _, s := range w.STUN {
		if host, port, err := net.SplitHostPort(s); err != nil || host == "" || !validPort(port) || strings.ContainsAny(s, "<>;, \"") {
			errs = append(errs, pipeline.Fieldf("webrtc.stun", "%q is no STUN server", s).WithHint("write stun.example.net:3478"))
		}
	}
	for _, u := range w.TURN.URLs {
		if scheme, rest, ok := strings.Cut(u, ":"); !ok || scheme != "turn" && scheme != "turns" || rest == "" || strings.ContainsAny(u, "<>;, \"") {
			errs = append(errs, pipeline.Fieldf("webrtc.turn.urls", "%q is no TURN URL", u).WithHint("write turn:relay.example.net:3478"))
		}
	}
	if len(w.TURN.URLs) > 0 && w.TURN.Secret.Empty() {
		errs = append(errs, pipeline.Fieldf("webrtc.turn.secret", "the relay's shared secret is missing"))
	}
	if w.TURN.TTL < time.Minute {
		errs = append(errs, pipeline.Fieldf("webrtc.turn.ttl", "%v is too short for a session", w.TURN.TTL).WithHint("try 12h"))
	}
	return errors.Join(errs...)
}

func validAddress(name, address string) error {
	if _, port, err := net.SplitHostPort(address); address == "" || err == nil && validPort(port) {
		return nil
	}
	return pipeline.Fieldf(name, "%q is no address to listen on", address).WithHint("write :1935 or 127.0.0.1:1935")
}

func validPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && strconv.FormatUint(n, 10) == s
}

// sharedPorts finds two listeners at one address.
func (s *Server) sharedPorts() error {
	seen := map[string]string{}
	for _, l := range s.Listeners() {
		_, port, _ := net.SplitHostPort(l.Address)
		at := l.Network + " " + l.Address
		if first, taken := seen[at]; taken && port != "0" {
			return pipeline.Fieldf(l.Setting(), "%s and %s both listen on %s", first, l.Name, l.Address).WithHint("choose another port")
		}
		seen[at] = l.Name
	}
	return nil
}

// Listening is one address that a server listens on.
type Listening struct {
	Name     string `json:"name"`     // http, rtmp, rtmps, webrtc: the key in the file
	Network  string `json:"network"`  // tcp, udp
	Address  string `json:"address"`  // host:port
	Protocol string `json:"protocol"` // what is spoken there: HTTP, HTTPS, RTMP, RTMPS, WebRTC
}

// Setting is the address's key in the server section: "http.listen", "webrtc.udp".
func (l Listening) Setting() string {
	if l.Name == "webrtc" {
		return l.Name + "." + l.Network
	}
	return l.Name + ".listen"
}

// Listeners lists the addresses that are not turned off.
func (s *Server) Listeners() []Listening {
	http := "HTTP"
	if s.TLS.On() {
		http = "HTTPS"
	}
	var ls []Listening
	for _, l := range []Listening{
		{"http", "tcp", s.HTTP.Listen, http},
		{"rtmp", "tcp", s.RTMP.Listen, "RTMP"},
		{"rtmps", "tcp", s.RTMPS.Listen, "RTMPS"},
		{"webrtc", "udp", s.WebRTC.UDP, "WebRTC"},
		{"webrtc", "tcp", s.WebRTC.TCP, "WebRTC"},
	} {
		if l.Address != "" && (l.Name != "webrtc" || s.WebRTC.UDP != "") {
			ls = append(ls, l)
		}
	}
	return ls
}

// String is for people: "http :8080 (HTTPS)".
func (l Listening) String() string { return fmt.Sprintf("%s %s (%s)", l.Name, l.Address, l.Protocol) }
