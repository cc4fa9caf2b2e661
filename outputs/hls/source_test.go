package hls

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/media"
	"weir/pipeline/service/httpd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// epoch is when all scripted streams start.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// studio is a segmenter with what serves its output.
type studio struct {
	*segmenter
	registry *registry
	site     *httpd.Server
	cfg      Config
	archive  *archive
	holds    *holds
	policy   access.Policy // nil is access.Keys
}

// Allow implements access.Policy.
func (s *studio) Allow(ctx context.Context, r access.Request) (*access.Pass, error) {
	if s.policy != nil {
		return s.policy.Allow(ctx, r)
	}
	return access.Keys{}.Allow(ctx, r)
}

const testPath = "live/studio"

func newStudio(t *testing.T, change func(*Config)) *studio {
	t.Helper()
	cfg := defaults()
	if change != nil {
		change(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	s := &studio{registry: newRegistry(), holds: newHolds(), site: httpd.New(httpd.Config{}), cfg: cfg}
	pattern, err := pipeline.ParsePattern("live/{name}")
	if err != nil {
		t.Fatal(err)
	}
	f := &factory{site: s.site, policy: access.NewCache(s), registry: s.registry, holds: s.holds}
	withdraw, err := f.Announce(pipeline.Announcement{Pattern: pattern, Wake: func(string) error { return io.EOF }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(withdraw)
	s.open(t, "token")
	return s
}

// open starts a run of the stage.
func (s *studio) open(t *testing.T, token string) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	n := newNotes(log)
	st := s.registry.open(testPath, func(prev *store) *store {
		return newStore(run{cfg: s.cfg, token: token, archive: s.archive, warn: n.fault}, prev)
	})
	s.segmenter = newSegmenter(s.cfg, st, epoch, n)
}

func (s *studio) feed(items []media.Item) {
	for _, item := range items {
		s.take(item)
	}
}

func (s *studio) end() {
	s.finish()
	s.store.end()
}

// get asks for a leaf of the stream.
func (s *studio) get(t *testing.T, leaf string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	s.site.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/"+testPath+"/"+leaf, nil))
	return w.Result()
}

// text is the body of a leaf that must be there.
func (s *studio) text(t *testing.T, leaf string) string {
	t.Helper()
	res := s.get(t, leaf)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s\n%s", leaf, res.Status, b)
	}
	return string(b)
}
