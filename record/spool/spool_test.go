package spool

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/fmp4"
	"weir/pipeline/media"
	"weir/pipeline/service/store"
)

const session = "01M8GNHYWRXGG4QSJW15SXZF6S"

// fragment is a second of video, the n-th.
func fragment(t testing.TB, n int) []byte {
	t.Helper()
	track := &media.Track{ID: "video", Codec: media.CodecH264, Rate: media.VideoRate}
	u := &media.Unit{Track: track, DTS: media.Ticks(n) * 90000, PTS: media.Ticks(n) * 90000, Flags: media.Key, Access: [][]byte{bytes.Repeat([]byte{byte(n)}, 1000)}}
	b, _ := fmp4.Head(uint32(n), fmp4.Run{Number: 1, Samples: []fmp4.Sample{{Unit: u, Duration: 90000}}})
	b, err := bitstream.Append(b, track.Codec, u.Access)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// studio is a box, its store and what breaks.
type studio struct {
	t     *testing.T
	dir   string
	store *fickle
	box   *Box
	n     int // fragments written

	mu    sync.Mutex // guards fault
	fault func(op, name string) error
}

// fickle is a store that fails when it is told to.
type fickle struct {
	store.Store
	mu        sync.Mutex // guards what follows
	fail      error
	large     error
	puts      map[string]int // that succeeded
	abandoned []string
}

func (f *fickle) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

func (f *fickle) Put(ctx context.Context, o store.Object) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return f.fail
	}
	err := f.Store.Put(ctx, o)
	if err == nil {
		f.puts[o.Key]++
	}
	return err
}

// PutLarge implements store.Large.
func (f *fickle) PutLarge(ctx context.Context, o store.Object) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.large != nil {
		return f.large
	}
	return f.Store.(store.Large).PutLarge(ctx, o)
}

// Abandon implements store.Large.
func (f *fickle) Abandon(ctx context.Context, key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.abandoned = append(f.abandoned, key)
	return f.Store.(store.Large).Abandon(ctx, key)
}

// count is how often an object was put.
func (f *fickle) count(key string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.puts[key]
}

func newStudio(t *testing.T, dir string) *studio {
	t.Helper()
	cfg := store.Place{Dir: filepath.Join(dir, "store")}
	inner, err := cfg.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := &studio{t: t, dir: dir, store: &fickle{Store: inner, puts: make(map[string]int)}}
	s.box, err = Open(filepath.Join(dir, "spool"), "a store", s.store, Options{
		Most: 1 << 30, Parallel: 2, Log: slog.New(slog.DiscardHandler),
		Fault: func(op, name string) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.fault == nil {
				return nil
			}
			return s.fault(op, name)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

func (s *studio) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	s.box.Close(ctx)
}

// breaks makes an operation on files of that directory fail; "" mends it.
func (s *studio) breaks(op, dir string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = func(o, name string) error {
		if o == op && strings.HasPrefix(name, dir) {
			return err
		}
		return nil
	}
}

func (s *studio) record() *Writer {
	s.t.Helper()
	w, err := s.box.Record(Recording{Session: session, Pipeline: "live/a", Stage: "keep", Prefix: "live/a/" + session, Started: time.Unix(1e9, 0).UTC(), Longest: 12})
	if err != nil {
		s.t.Fatal(err)
	}
	return w
}

// segment writes one of that many fragments.
func (s *studio) segment(w *Writer, fragments int, first bool) {
	p := Part{Rendition: "video", Ext: ".m4s"}
	if first {
		p.New = &Section{Init: Init{Tracks: []Track{{ID: "video", Kind: "video", Codec: "H.264", Rate: 90000}}}, Data: []byte("init")}
	}
	w.Begin(Start{At: time.Unix(1e9+int64(s.n), 0).UTC(), Parts: []Part{p}, Discontinuity: first})
	for range fragments {
		w.Append([]Chunk{{Data: fragment(s.t, s.n), Seconds: 1}})
		s.n++
	}
}

// await waits for what nothing tells of.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		if is() {
			return
		}
		<-tick.C
	}
	t.Fatal("never: " + what)
}

func (s *studio) has(key string) bool {
	_, err := s.store.Stat(s.t.Context(), key)
	return err == nil
}

func (s *studio) read(key string) string {
	s.t.Helper()
	r, err := s.store.Get(s.t.Context(), key, 0, -1)
	if err != nil {
		s.t.Fatalf("%s: %v", key, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

const prefix = "live/a/" + session + "/"

// complete waits until the recording is, and checks all that its manifest lists.
func (s *studio) complete() *Manifest {
	s.t.Helper()
	await(s.t, "the recording is complete", func() bool { return s.has(prefix + "events/recording-ended.json") })
	m, err := ReadManifest(strings.NewReader(s.read(prefix + "manifest.json")))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, seg := range m.Segments {
		if seg.Missing != "" {
			continue
		}
		content := s.read(prefix + "media/" + seg.URI)
		if sum := sha256.Sum256([]byte(content)); fmt.Sprintf("%x", sum) != seg.SHA256 || int64(len(content)) != seg.Bytes {
			s.t.Errorf("%s is not what the manifest says", seg.URI)
		}
		if n := s.store.count(prefix + "media/" + seg.URI); n > 1 {
			s.t.Errorf("%s was put %d times", seg.URI, n)
		}
		good, err := fmp4.Scan(strings.NewReader(content), seg.Bytes, func(fmp4.Fragment) error { return nil })
		if good != seg.Bytes || err != nil {
			s.t.Errorf("%s: %d of %d bytes are whole: %v", seg.URI, good, seg.Bytes, err)
		}
	}
	await(s.t, "the spool is empty", func() bool { names, _ := s.box.sessions(); return len(names) == 0 })
	return m
}

// A recording gets into the store while it grows, and then ends there.
func TestGrows(t *testing.T) {
	s := newStudio(t, t.TempDir())
	w := s.record()
	s.segment(w, 3, true)
	s.segment(w, 2, false)
	await(t, "the first segment is listed", func() bool {
		return s.has(prefix+"media/index.m3u8") && strings.Contains(s.read(prefix+"media/index.m3u8"), "video/000000.m4s")
	})
	list := s.read(prefix + "media/index.m3u8")
	if strings.Contains(list, "ENDLIST") || strings.Contains(list, "000001") || !strings.Contains(list, "TYPE:EVENT") {
		t.Errorf("while it grows:\n%s", list)
	}
	w.End("over")
	m := s.complete()
	list = s.read(prefix + "media/index.m3u8")
	if !strings.HasSuffix(list, "#EXT-X-ENDLIST\n") || !strings.Contains(list, "TYPE:VOD") || strings.Count(list, "EXTINF") != 2 {
		t.Errorf("in the end:\n%s", list)
	}
	if m.Seconds != 5 || len(m.Segments) != 2 || m.Reason != "over" {
		t.Errorf("%+v", m)
	}
}

// A store that fails costs nothing: all is there afterwards, once.
func TestStoreFails(t *testing.T) {
	s := newStudio(t, t.TempDir())
	s.store.set(errors.New("the bucket has gone"))
	w := s.record()
	for i := range 5 {
		s.segment(w, 2, i == 0)
	}
	await(t, "the problem is known", func() bool { return s.box.Report().Problem != "" && s.box.Report().Backlog > 0 })
	w.End("over")
	s.store.set(nil)
	if m := s.complete(); m.Seconds != 10 {
		t.Errorf("%v seconds", m.Seconds)
	}
	await(t, "the problem is over", func() bool { return s.box.Report().Problem == "" && s.box.Report().Backlog == 0 })
}

// copyTree is the spool as a kill would leave it.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// Whatever a killed process leaves is cut behind its last whole fragment, and uploaded.
func TestAdoption(t *testing.T) {
	for _, torn := range []int{0, 1, 500, 1100} {
		t.Run(fmt.Sprint(torn), func(t *testing.T) {
			s := newStudio(t, t.TempDir())
			s.store.set(errors.New("not yet"))
			w := s.record()
			s.segment(w, 3, true)
			s.segment(w, 2, false)
			await(t, "all is on the disk", func() bool { return w.Stats().Seconds == 5 })
			dir := t.TempDir()
			copyTree(t, filepath.Join(s.dir, "spool"), filepath.Join(dir, "spool"))
			w.End("over")

			open, err := filepath.Glob(filepath.Join(dir, "spool", "*", session, "open", "*"))
			if err != nil || len(open) != 1 {
				t.Fatal(open, err)
			}
			info, err := os.Stat(open[0])
			if err == nil {
				err = os.Truncate(open[0], info.Size()-int64(torn))
			}
			if err != nil {
				t.Fatal(err)
			}
			journals, _ := filepath.Glob(filepath.Join(dir, "spool", "*", session, "journal"))
			f, err := os.OpenFile(journals[0], os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = f.WriteString(`{"segment":{"uri":"vid`)
			f.Close()

			want := 5.0 - float64((torn+1099)/1100)
			if m := newStudio(t, dir).complete(); m.Seconds != want || !strings.Contains(m.Reason, "without warning") {
				t.Errorf("%v seconds instead of %v: %s", m.Seconds, want, m.Reason)
			}
			s.store.set(nil)
		})
	}
}

// A full disk pauses, and what is whole stays; then the recording goes on.
func TestDiskFull(t *testing.T) {
	for _, op := range []string{"write", "create"} {
		t.Run(op, func(t *testing.T) {
			s := newStudio(t, t.TempDir())
			w := s.record()
			s.segment(w, 2, true)
			await(t, "it is written", func() bool { return w.Stats().Seconds == 2 })
			s.breaks(op, "open/", syscall.ENOSPC)
			s.segment(w, 1, false)
			await(t, "it pauses", func() bool { return w.Paused() == diskFull })
			s.breaks("", "", nil)
			s.segment(w, 2, true)
			await(t, "it goes on", func() bool { return w.Paused() == "" && w.Stats().Seconds == 4 })
			w.End("over")
			m := s.complete()
			events := fmt.Sprint(m.Events)
			if m.Seconds != 4 || !strings.Contains(events, "paused disk full") || !strings.Contains(events, "resumed") {
				t.Errorf("%v seconds, %s", m.Seconds, events)
			}
		})
	}
}

// What a disk would not sync is suspect, and another file is begun.
func TestDiskFails(t *testing.T) {
	s := newStudio(t, t.TempDir())
	w := s.record()
	s.segment(w, 2, true)
	await(t, "it is written", func() bool { return w.Stats().Seconds == 2 })
	s.breaks("sync", "open/", syscall.EIO)
	s.segment(w, 2, false)
	await(t, "it is said", func() bool { return w.Stats().Segments == 1 })
	s.breaks("", "", nil)
	s.segment(w, 2, true)
	w.End("over")
	m := s.complete()
	i := slices.IndexFunc(m.Segments, func(s Segment) bool { return s.Suspect })
	if i != 0 || m.Seconds < 4 {
		t.Errorf("%+v", m.Segments)
	}
}

// That the disk did not take a segment says nothing of the next one, before it has had time
// to take that.
func TestRefusedIsThatSegment(t *testing.T) {
	s := newStudio(t, t.TempDir())
	w := s.record()
	s.breaks("create", "open/", syscall.EIO)
	s.segment(w, 1, true)
	await(t, "it is refused", w.Refused)
	busy, release := make(chan struct{}), make(chan struct{})
	wait := sync.OnceFunc(func() { close(busy); <-release })
	s.mu.Lock()
	s.fault = func(op, _ string) error {
		if op == "create" {
			wait()
		}
		return nil
	}
	s.mu.Unlock()
	s.segment(w, 1, true)
	<-busy
	if w.Refused() || w.Paused() == "" {
		t.Errorf("refused: %v, paused: %q, while the disk is busy", w.Refused(), w.Paused())
	}
	close(release)
	await(t, "it goes on", func() bool { return w.Paused() == "" && w.Stats().Seconds == 1 })
	w.End("over")
	s.complete()
}

// What has changed on the disk is not uploaded as if it had not.
func TestDamage(t *testing.T) {
	s := newStudio(t, t.TempDir())
	s.store.set(errors.New("not yet"))
	w := s.record()
	for i := range 3 {
		s.segment(w, 1, i == 0)
	}
	w.End("over")
	<-w.Ended()
	files, _ := filepath.Glob(filepath.Join(s.dir, "spool", "*", session, "ready", "video!000001.m4s"))
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1]++
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	s.store.set(nil)
	m := s.complete()
	if m.Segments[1].Missing == "" || m.Segments[0].Missing+m.Segments[2].Missing != "" || s.box.Report().Damaged != 1 {
		t.Errorf("%+v", m.Segments)
	}
	if list := s.read(prefix + "media/index.m3u8"); strings.Count(list, "EXTINF") != 2 || !strings.Contains(list, "DISCONTINUITY") {
		t.Error(list)
	}
}

// Only one process uses a spool.
func TestOne(t *testing.T) {
	s := newStudio(t, t.TempDir())
	if b, err := Open(filepath.Join(s.dir, "spool"), "a store", s.store, Options{Log: slog.New(slog.DiscardHandler)}); err == nil {
		b.Close(t.Context())
		t.Error("two do")
	}
}

// A recording that is older than it need be goes, and only that.
func TestKeep(t *testing.T) {
	s := newStudio(t, t.TempDir())
	w := s.record()
	s.segment(w, 1, true)
	w.End("over")
	s.complete()
	if err := s.store.Put(t.Context(), store.Object{Key: "live/a/mine", Body: strings.NewReader("x"), Size: 1, Sum: sha256.Sum256([]byte("x"))}); err != nil {
		t.Fatal(err)
	}
	opts := *s.box.opts.Load()
	opts.Keep = func(string) Keep { return Keep{For: time.Nanosecond} }
	s.close()
	<-s.box.ended
	again, err := Open(filepath.Join(s.dir, "spool"), "a store", s.store, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close(t.Context())
	await(t, "it is deleted", func() bool {
		for range s.store.List(t.Context(), prefix) {
			return false
		}
		return true
	})
	if !s.has("live/a/mine") {
		t.Error("something else was deleted")
	}
}

// What a recording is to be exported as is made once it is complete, by a later process if
// need be; and what will not be finished is not left in the store.
func TestExport(t *testing.T) {
	for name, deleted := range map[string]bool{"made": false, "deleted": true} {
		t.Run(name, func(t *testing.T) {
			s := newStudio(t, t.TempDir())
			tried := make(chan struct{}, 1)
			opts := *s.box.opts.Load()
			opts.Export = func(_ context.Context, _ store.Store, m *Manifest) ([]Export, error) {
				signal(tried)
				text := fmt.Sprint(m.Session, " of ", len(m.Segments))
				return []Export{{ExportName(0), strings.NewReader(text), int64(len(text))}}, nil
			}
			s.box.Configure(s.store, opts)
			s.store.large = errors.New("the line is dead")
			w, err := s.box.Record(Recording{Session: session, Pipeline: "live/a", Prefix: "live/a/" + session, Export: "mp4"})
			if err != nil {
				t.Fatal(err)
			}
			s.segment(w, 1, true)
			w.End("over")
			s.complete()
			<-tried
			await(t, "it is said", func() bool { return strings.Contains(s.box.Report().ExportProblem, "the line is dead") })
			s.close()
			<-s.box.ended

			if deleted {
				opts.Keep = func(string) Keep { return Keep{For: time.Nanosecond} }
			} else {
				s.store.large = nil
			}
			again, err := Open(filepath.Join(s.dir, "spool"), "a store", s.store, opts)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close(context.Background())
			if deleted {
				await(t, "it is deleted", func() bool { ks, _ := again.all(); return len(ks) == 0 })
				s.store.mu.Lock()
				defer s.store.mu.Unlock()
				if want := []string{prefix + "export.mp4", prefix + "export-1.mp4"}; !slices.Equal(s.store.abandoned, want) {
					t.Errorf("abandoned %q", s.store.abandoned)
				}
				return
			}
			await(t, "it is exported", func() bool { return s.has(prefix + "export.mp4") })
			await(t, "that is noted", func() bool { ks, _ := again.all(); return len(ks) == 1 && ks[0].Export == "" })
			if got := s.read(prefix + "export.mp4"); got != session+" of 1" {
				t.Error(got)
			}
		})
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"recording":{"session":"x","prefix":"a/b"}}` + "\n" + `{"segment":{"uri":"v/0.m4s"}`))
	f.Add([]byte(`{"begin":{"uri":"../x","init":"v/i.mp4"}}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, _ := parse(b, func(e Entry) {
			for _, s := range []*Segment{e.Begin, e.Segment} {
				if s != nil && !filepath.IsLocal(s.URI) {
					t.Errorf("%q leads out", s.URI)
				}
			}
		})
		if n < 0 || n > len(b) {
			t.Errorf("%d of %d bytes", n, len(b))
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"version":1,"segments":[{"uri":"v/0.m4s","init":"v/i.mp4"}],"inits":[{"tracks":[]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ReadManifest(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, s := range m.Segments {
			if !filepath.IsLocal(s.URI) {
				t.Errorf("%q leads out", s.URI)
			}
		}
	})
}
