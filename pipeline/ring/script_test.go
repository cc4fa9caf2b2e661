package ring

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline/media"
)

var rewrite = flag.Bool("rewrite", false, "write what the scripts print into testdata")

// TestScripts runs testdata/*.txt: blocks of commands, "----", and what they print.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runScript(t, file) })
		})
	}
}

func runScript(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{cursors: make(map[string]*Cursor)}
	var out strings.Builder
	for block := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		commands, _, _ := strings.Cut(block, "\n----")
		if out.Len() > 0 {
			out.WriteString("\n")
		}
		out.WriteString(commands + "\n----\n")
		for line := range strings.Lines(commands) {
			if !strings.HasPrefix(line, "#") {
				s.run(&out, strings.Fields(line))
			}
		}
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if out.String() != string(text) {
		t.Errorf("got:\n%s", out.String())
	}
}

// script is the state of one file.
type script struct {
	ring    *Ring
	cursors map[string]*Cursor
	set     *media.TrackSet
	n       int
}

func (s *script) run(out io.Writer, words []string) {
	switch words[0] {
	case "ring": // ring DURATION BYTES
		s.ring = New(Bounds{duration(words[1]), number(words[2])})
	case "tracks": // tracks ID...
		s.tracks(words[1:])
	case "push": // push UNIT... where UNIT is TRACK[/LAYER][*], * for a key unit
		for _, w := range words[1:] {
			s.push(w)
		}
	case "wait":
		time.Sleep(duration(words[1]))
	case "cursor": // cursor NAME POLICY [DURATION [BYTES]]
		s.cursor(out, words[1:])
	case "recv": // recv NAME
		s.recv(out, words[1])
	case "stats":
		st := s.cursors[words[1]].Stats()
		fmt.Fprintf(out, "%s: delivered %d, overran %d, keyless %d, queued %d, lost %v\n", words[1], st.Delivered, st.Overran, st.Keyless, st.Queued, st.Lost)
	case "held":
		st := s.ring.Stats()
		fmt.Fprintf(out, "held: %d items, %d bytes, %v\n", st.Items, st.HeldBytes, st.Held)
	case "end":
		s.cursors[words[1]].End()
	case "close":
		s.ring.Close()
	default:
		fmt.Fprintf(out, "unknown command %s\n", words[0])
	}
}

func (s *script) tracks(ids []string) {
	set := &media.TrackSet{Version: 1}
	if s.set != nil {
		set.Version = s.set.Version + 1
	}
	for _, id := range ids {
		codec := media.CodecAAC
		if strings.HasPrefix(id, "v") {
			codec = media.CodecH264
		}
		set.Tracks = append(set.Tracks, &media.Track{ID: media.TrackID(id), Codec: codec, Form: media.FormAccess, Rate: 1000})
	}
	s.set = set
	_ = s.ring.Push(context.Background(), set)
}

func (s *script) push(word string) {
	s.n++
	name, key := strings.CutSuffix(word, "*")
	id, layer, _ := strings.Cut(name, "/")
	u := &media.Unit{Track: s.set.Track(media.TrackID(id)), DTS: media.Ticks(s.n), Access: [][]byte{make([]byte, 10)}}
	if layer != "" {
		u.Layer = int8(number(layer))
	}
	if key || u.Kind() == media.KindAudio {
		u.Flags |= media.Key
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.ring.Push(ctx, u)
}

func (s *script) cursor(out io.Writer, words []string) {
	policy, err := ParsePolicy(words[1])
	if err != nil {
		fmt.Fprintln(out, err)
	}
	opts := Options{Policy: policy, Ask: func(r media.KeyframeRequest) {
		fmt.Fprintf(out, " [asks for a key unit of %s/%d]", r.Track, r.Layer)
	}}
	if len(words) > 2 {
		opts.Bounds.Duration = duration(words[2])
	}
	if len(words) > 3 {
		opts.Bounds.Bytes = number(words[3])
	}
	s.cursors[words[0]] = s.ring.Cursor(opts)
}

func (s *script) recv(out io.Writer, name string) {
	fmt.Fprintf(out, "%s:", name)
	defer fmt.Fprintln(out)
	for {
		item, err := s.cursors[name].TryNext()
		switch {
		case errors.Is(err, io.EOF):
			fmt.Fprint(out, " EOF")
			return
		case err != nil:
			fmt.Fprintf(out, " (%v)", err)
			return
		case item == nil:
			return
		}
		switch it := item.(type) {
		case *media.TrackSet:
			fmt.Fprintf(out, " tracks#%d", it.Version)
		case *media.Unit:
			fmt.Fprintf(out, " %s/%d@%d", it.Track.ID, it.Layer, it.DTS)
		}
	}
}

func duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		panic(err) // a broken script
	}
	return d
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic(err) // a broken script
	}
	return n
}
