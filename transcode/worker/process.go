package worker

import (
	"net"
	"os"
	"strings"
	"sync"
)

// process is a worker that runs.
type process struct {
	conn net.Conn
	pid  int
	kill func() // ends it at once; more than once is harmless
	// ended is closed when it is gone, and then why says how it ended.
	ended <-chan struct{}
	why   func() string
}

// launch starts a worker.
type launch func() (*process, error)

// lastWords is how much of what a worker writes to standard error is kept.
const lastWords = 4 << 10

// obituary says how a process ended.
func obituary(state *os.ProcessState, words string) string {
	s := state.String()
	if words != "" {
		s += ": " + words
	}
	return s
}

// environment is what a worker inherits: what drivers and the loader want to know, and
// no secrets.
func environment() []string {
	env := []string{"GOTRACEBACK=single"}
	for _, e := range os.Environ() {
		for _, prefix := range []string{"LD_LIBRARY_PATH=", "LIBVA_", "CUDA_", "NVIDIA_", "GOCOVERDIR=", "HOME=", "WEIR_AV_"} {
			if strings.HasPrefix(e, prefix) {
				env = append(env, e)
			}
		}
	}
	return env
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex // guards what follows
	text []byte
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if over := len(t.text) - lastWords; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(b), nil
}

// String is what is left of it, in one line.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(strings.FieldsFunc(string(t.text), func(r rune) bool { return r == '\n' }), " | ")
}
