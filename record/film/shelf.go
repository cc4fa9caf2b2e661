package film

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"weir/pipeline/service/store"
	"weir/record/spool"
)

// Entry is a recording as a list shows it.
type Entry struct {
	Session  string    `json:"session"`
	Pipeline string    `json:"pipeline"`
	Stage    string    `json:"stage"`
	Prefix   string    `json:"prefix"`
	Started  time.Time `json:"started"`
	// What follows is known of recordings that have ended.
	Ended   time.Time `json:"ended,omitzero"`
	Seconds float64   `json:"duration_seconds,omitempty"`
	Bytes   int64     `json:"bytes,omitempty"`
	// Segments counts files of media in the store; Exported says that there is an MP4 file
	// of it all.
	Segments int  `json:"-"`
	Exported bool `json:"-"`
}

// The names of what is read of a recording.
const (
	startedName  = "events/recording-started.json"
	endedName    = "events/recording-ended.json"
	manifestName = "manifest.json"
)

// maxEvent bounds an event, in bytes.
const maxEvent = 64 << 10

// List lists the recordings in a store by when they started. It looks at the name of
// every object there is, which takes a while in a large bucket.
func List(ctx context.Context, s store.Store) ([]Entry, error) {
	events := make(map[string]string) // newest event by prefix
	segments, exported := make(map[string]int), make(map[string]bool)
	for info, err := range s.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		if prefix, ok := cutName(info.Key, endedName); ok {
			events[prefix] = info.Key
		} else if prefix, ok := cutName(info.Key, startedName); ok && events[prefix] == "" {
			events[prefix] = info.Key
		} else if prefix, name, ok := strings.Cut(info.Key, "/media/"); ok && path.Ext(name) == ".m4s" {
			segments[prefix]++
		} else if n := path.Base(info.Key); n == spool.ExportName(0) || n == spool.ExportName(1) {
			exported[path.Dir(info.Key)] = true
		}
	}
	all := make([]Entry, 0, len(events))
	for prefix, key := range events {
		e, err := readEvent(ctx, s, key)
		if err != nil {
			return nil, err
		}
		e.Prefix = prefix // it may have been moved
		e.Segments, e.Exported = segments[prefix], exported[prefix]
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Prefix, b.Prefix))
	})
	return all, nil
}

func cutName(key, name string) (prefix string, ok bool) {
	return strings.CutSuffix(key, "/"+name)
}

func readEvent(ctx context.Context, s store.Store, key string) (Entry, error) {
	var event struct{ Data Entry }
	r, err := s.Get(ctx, key, 0, -1)
	if err != nil {
		return event.Data, fmt.Errorf("%s: %w", key, err)
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxEvent))
	if err == nil {
		err = json.Unmarshal(b, &event)
	}
	if err != nil {
		return event.Data, fmt.Errorf("%s: %w", key, err)
	}
	return event.Data, nil
}

// The errors of Find.
var (
	ErrNone    = errors.New("there is no such recording")
	ErrSeveral = errors.New("several recordings are called so")
	// ErrGrowing says that there is no manifest yet.
	ErrGrowing = errors.New("the recording is still being made, or not all of it has been uploaded")
)

// Find reads the manifest of the recording whose session or prefix is name.
func Find(ctx context.Context, s store.Store, name string) (*spool.Manifest, error) {
	name = strings.Trim(name, "/")
	if m, err := Read(ctx, s, name); !errors.Is(err, store.ErrNotFound) {
		return m, err
	}
	prefix := ""
	for info, err := range s.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		p, ok := cutName(info.Key, startedName)
		if !ok || p != name && !strings.Contains(path.Base(p), name) {
			continue
		}
		if prefix != "" {
			return nil, ErrSeveral
		}
		prefix = p
	}
	if prefix == "" {
		return nil, ErrNone
	}
	m, err := Read(ctx, s, prefix)
	if errors.Is(err, store.ErrNotFound) {
		err = ErrGrowing
	}
	return m, err
}

// Read reads the manifest of the recording at a prefix.
func Read(ctx context.Context, s store.Store, prefix string) (*spool.Manifest, error) {
	key := path.Join(prefix, manifestName)
	if !store.ValidKey(key) {
		return nil, store.ErrNotFound
	}
	r, err := s.Get(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	m, err := spool.ReadManifest(r)
	if err != nil {
		return nil, err
	}
	m.Prefix = prefix // it may have been moved
	return m, nil
}

// Delete deletes the recording at a prefix: its manifest first, so that nobody trusts it
// any more, and the event that makes it listed last, so that it can be tried again.
func Delete(ctx context.Context, s store.Store, prefix string) error {
	if err := s.Delete(ctx, path.Join(prefix, manifestName)); err != nil {
		return err
	}
	var last []string
	for info, err := range s.List(ctx, prefix+"/") {
		if err != nil {
			return err
		}
		if strings.HasPrefix(info.Key, prefix+"/events/") {
			last = append(last, info.Key)
			continue
		}
		if err := s.Delete(ctx, info.Key); err != nil {
			return err
		}
	}
	for _, key := range last {
		if err := s.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}
