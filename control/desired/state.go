package desired

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"weir/control/durable"
	"weir/pipeline"
	"weir/pipeline/config"
)

// maxState bounds a state file, in bytes.
const maxState = 16 << 20

// stateFile is what a state file holds.
type stateFile struct {
	Version int                    `json:"version"`
	Streams map[string]streamState `json:"streams"`
}

type streamState struct {
	Stages  []config.Addition `json:"stages,omitempty"`
	Stopped []string          `json:"stopped,omitempty"`
}

// StateFile is where the state of a server is kept that keeps its files at that name:
// weir.state.json for weir. It is "" if the server keeps none.
func StateFile(files string) string {
	if files == "" {
		return ""
	}
	return files + ".state.json"
}

// readState reads a state file; one that is not there is empty.
func readState(name string) (map[string]*stream, error) {
	if name == "" {
		return make(map[string]*stream), nil
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return make(map[string]*stream), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was added at run time: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxState+1))
	if err != nil {
		return nil, fmt.Errorf("read what was added at run time: %w", err)
	}
	streams, err := parseState(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w\nhelp: correct the file, or remove it to begin without what was added at run time", name, err)
	}
	return streams, nil
}

// parseState checks all that the file says of itself; whether stages fit the
// configuration is another question.
func parseState(text []byte) (map[string]*stream, error) {
	if len(text) > maxState {
		return nil, fmt.Errorf("it has more than %d bytes", maxState)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var file stateFile
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("it is not as it was written: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the state")
	}
	switch {
	case file.Version != 1:
		return nil, fmt.Errorf("it has version %d; this weir reads 1", file.Version)
	case len(file.Streams) > maxStreams:
		return nil, fmt.Errorf("it has more than %d streams", maxStreams)
	}
	streams := make(map[string]*stream, len(file.Streams))
	for path, s := range file.Streams {
		if err := pipeline.ValidPath(path); err != nil {
			return nil, fmt.Errorf("%q: %w", path, err)
		}
		st := &stream{stopped: s.Stopped}
		for _, a := range s.Stages {
			if slices.ContainsFunc(st.added, func(o Added) bool { return o.Name == a.Name }) {
				return nil, fmt.Errorf("%s: %q stands twice", path, a.Name)
			}
			st.added = append(st.added, Added{Addition: a, Persistent: true})
		}
		streams[path] = st
	}
	return streams, nil
}

// encodeState is what parseState reads. Only what is persistent is in it.
func encodeState(streams map[string]*stream) []byte {
	file := stateFile{Version: 1, Streams: make(map[string]streamState)}
	for path, st := range streams {
		var s streamState
		passing := make(map[string]bool)
		for _, a := range st.added {
			if a.Persistent {
				s.Stages = append(s.Stages, a.Addition)
			} else {
				passing[a.Name] = true
			}
		}
		for _, name := range st.stopped {
			if !passing[name] {
				s.Stopped = append(s.Stopped, name)
			}
		}
		if len(s.Stages)+len(s.Stopped) > 0 {
			file.Streams[path] = s
		}
	}
	b, _ := json.MarshalIndent(file, "", "  ") // JSON that came in goes out
	return append(b, '\n')
}

// save writes the state file.
func (d *Desired) save() error {
	if d.opts.State == "" {
		return nil
	}
	text := encodeState(d.streams)
	if _, err := os.Stat(d.opts.State); errors.Is(err, fs.ErrNotExist) && len(text) == len(encodeState(nil)) {
		return nil // nothing to keep, and no file yet
	}
	if _, err := durable.Replace(d.opts.State, text, durable.Private); err != nil {
		return fmt.Errorf("keep what was added at run time: %w", err)
	}
	return nil
}

// writeFile replaces a file of the operator's, whose mode stays.
func writeFile(name string, text []byte) error {
	mode := durable.Private
	if info, err := os.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	_, err := durable.Replace(name, text, mode)
	return err
}
