package config

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"weir/pipeline"
)

// Server is the `server:` section: what all pipelines share.
type Server struct {
	HTTP  Listener       `yaml:"http" doc:"The HTTP listener: HLS, the watch page, metrics and health. It speaks HTTPS if server.tls has a certificate."`
	RTMP  Listener       `yaml:"rtmp" doc:"The RTMP listener, for publishers."`
	RTMPS SecureListener `yaml:"rtmps" doc:"RTMP over TLS, with the certificate of server.tls. Off unless it has an address."`
	TLS   TLS            `yaml:"tls" doc:"The certificate of the HTTP and the RTMPS listener."`
	Log   Log            `yaml:"log" doc:"The log on standard error."`
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

// TLS names a certificate and its key, both PEM files.
type TLS struct {
	Cert string `yaml:"cert" doc:"The file with the certificate chain, in PEM. A changed file is taken up without a restart."`
	Key  string `yaml:"key" doc:"The file with its private key, in PEM."`
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
		Log:          Log{Level: "info", Format: "auto"},
		Files:        ".",
		DrainTimeout: 60 * time.Second,
	}
}

// Validate checks what a file has said.
func (s *Server) Validate() error {
	var errs []error
	errs = append(errs, s.HTTP.validate("http"), s.RTMP.validate("rtmp"), validAddress("rtmps", s.RTMPS.Listen))
	if (s.TLS.Cert == "") != (s.TLS.Key == "") {
		errs = append(errs, pipeline.Fieldf("tls", "a certificate needs both cert and key"))
	}
	if s.RTMPS.Listen != "" && s.TLS.Cert == "" {
		errs = append(errs, pipeline.Fieldf("rtmps.listen", "RTMPS needs a certificate").
			WithHint("set tls: {cert: …, key: …} beside it"))
	}
	if s.HTTP.Listen == "" {
		errs = append(errs, pipeline.Fieldf("http.listen", "the HTTP listener cannot be turned off").
			WithHint("listen on 127.0.0.1:8080 to hide it"))
	}
	if s.Files == "" {
		errs = append(errs, pipeline.Fieldf("files", "the directory needs a name").WithHint(`"." is the working directory`))
	}
	return errors.Join(append(errs, s.sharedPorts())...)
}

func (l *Listener) validate(name string) error {
	errs := []error{validAddress(name, l.Listen)}
	if l.Connections < 0 {
		errs = append(errs, pipeline.Fieldf(name+".connections", "%d is negative", l.Connections))
	}
	if l.PerAddress < 0 {
		errs = append(errs, pipeline.Fieldf(name+".per_address", "%d is negative", l.PerAddress))
	}
	return errors.Join(errs...)
}

func validAddress(name, address string) error {
	if _, port, err := net.SplitHostPort(address); address == "" || err == nil && validPort(port) {
		return nil
	}
	return pipeline.Fieldf(name+".listen", "%q is no address to listen on", address).WithHint("write :1935 or 127.0.0.1:1935")
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
		if first, taken := seen[l.Address]; taken && port != "0" {
			return pipeline.Fieldf(l.Name+".listen", "%s and %s both listen on %s", first, l.Name, l.Address).WithHint("choose another port")
		}
		seen[l.Address] = l.Name
	}
	return nil
}

// Listening is one address that a server listens on.
type Listening struct {
	Name     string `json:"name"`     // http, rtmp, rtmps: the key in the file
	Network  string `json:"network"`  // tcp
	Address  string `json:"address"`  // host:port
	Protocol string `json:"protocol"` // what is spoken there: HTTP, HTTPS, RTMP, RTMPS
}

// Listeners lists the addresses that are not turned off.
func (s *Server) Listeners() []Listening {
	http := "HTTP"
	if s.TLS.Cert != "" {
		http = "HTTPS"
	}
	var ls []Listening
	for _, l := range []Listening{
		{"http", "tcp", s.HTTP.Listen, http},
		{"rtmp", "tcp", s.RTMP.Listen, "RTMP"},
		{"rtmps", "tcp", s.RTMPS.Listen, "RTMPS"},
	} {
		if l.Address != "" {
			ls = append(ls, l)
		}
	}
	return ls
}

// String is for people: "http :8080 (HTTPS)".
func (l Listening) String() string { return fmt.Sprintf("%s %s (%s)", l.Name, l.Address, l.Protocol) }
