package migrate

import (
	"errors"
	"fmt"
	"regexp"

	"weir/pipeline/config"
)

// Kinds are the files that can be read.
func Kinds() []string { return []string{"mediamtx", "nginx"} }

// maxFile bounds a file in bytes.
const maxFile = 256 << 10

// ErrKind says that a file is not recognised.
var ErrKind = errors.New("this looks neither like a mediamtx.yml nor like an nginx.conf with RTMP\nhelp: say which it is by --from mediamtx or --from nginx")

// errorAt is an error about a line of the file, with what to do.
func errorAt(file string, line int, help, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s\nhelp: %s", file, line, fmt.Sprintf(format, args...), help)
}

var (
	nginxBlock   = regexp.MustCompile(`(?m)^\s*(rtmp|http|events|stream)\s*(#.*)?(\n\s*)?\{|^\s*(application|listen|live|push|worker_processes)\s[^:\n]*[;{]`)
	mediamtxKeys = regexp.MustCompile(`(?m)^(paths|pathDefaults|logLevel|authMethod|authInternalUsers|rtmpAddress|rtspAddress|hlsAddress|webrtcAddress|srtAddress|apiAddress|rtmp|rtsp|hls|webrtc|srt|readTimeout)\s*:`)
)

// Recognise says by its content of which kind a file is; "" if it cannot be told.
func Recognise(text []byte) string {
	switch {
	case nginxBlock.Match(text):
		return "nginx"
	case mediamtxKeys.Match(text):
		return "mediamtx"
	default:
		return ""
	}
}

// Convert says in Weir's YAML what a file of a kind says; "" is to recognise it. Errors
// are about files that cannot be read at all; [config.Problems] among them.
func Convert(name string, text []byte, kind string) (string, error) {
	if len(text) > maxFile {
		return "", fmt.Errorf("%s has %d bytes; %d are the most that is read\nhelp: remove what is not about streams", name, len(text), maxFile)
	}
	if kind == "" {
		kind = Recognise(text)
	}
	switch kind {
	case "mediamtx":
		root, problems := config.ReadTree(text, name)
		if len(problems) > 0 {
			return "", problems
		}
		return fromMediaMTX(name, root), nil
	case "nginx":
		d, err := fromNginx(name, text)
		if err != nil {
			return "", err
		}
		return d, nil
	default:
		return "", fmt.Errorf("%s: %w", name, ErrKind)
	}
}
