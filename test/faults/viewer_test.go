//go:build e2e

package faults

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// viewer follows a stream as a player does: low-latency where that is offered, and
// from the oldest segment that is there.
type viewer struct {
	t     testing.TB
	base  string // of all URLs, with a slash at the end
	plain bool   // takes whole segments only
	http  *http.Client

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex // guards what follows
	lanes    map[string]*lane
	statuses map[int]int // of all answers since the stream was there
	problems []string
}

// watch follows a stream from when it is there.
func (s *server) watch(t testing.TB, path string) *viewer {
	t.Helper()
	return s.view(t, path, false)
}

// watchSegments follows a stream as a player without low latency does.
func (s *server) watchSegments(t testing.TB, path string) *viewer {
	t.Helper()
	return s.view(t, path, true)
}

func (s *server) view(t testing.TB, path string, plain bool) *viewer {
	t.Helper()
	v := &viewer{
		t: t, base: s.url() + "/" + path + "/", plain: plain,
		http:  &http.Client{Transport: trusting.Transport.(*http.Transport).Clone(), Timeout: 40 * time.Second},
		lanes: make(map[string]*lane), statuses: make(map[int]int),
	}
	v.ctx, v.cancel = context.WithCancel(t.Context())
	v.wg.Go(v.discover)
	t.Cleanup(v.stop)
	return v
}

// stop ends the watching.
func (v *viewer) stop() {
	v.cancel()
	v.wg.Wait()
	v.http.CloseIdleConnections()
}

// end waits until the stream says that it has ended, and reports what was wrong
// with it on the way.
func (v *viewer) end(within time.Duration) {
	v.t.Helper()
	timer := time.AfterFunc(within, func() { v.complain("no ENDLIST after %v", within); v.cancel() })
	v.wg.Wait()
	timer.Stop()
	v.report()
}

// report reports what was wrong so far.
func (v *viewer) report() {
	v.t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, p := range v.problems {
		if i == 10 {
			v.t.Errorf("… and %d more", len(v.problems)-i)
			break
		}
		v.t.Errorf("viewer of %s: %s", v.base, p)
	}
	v.problems = nil
}

func (v *viewer) complain(format string, args ...any) {
	if v.ctx.Err() != nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
}

// discover looks for media playlists, new ones too, until all that it found have
// ended.
func (v *viewer) discover() {
	for found := false; v.ctx.Err() == nil; {
		body, code := v.fetch("index.m3u8")
		if code == http.StatusOK {
			found = true
			p, err := parsePlaylist(string(body))
			if err != nil {
				v.complain("index.m3u8: %v", err)
				return
			}
			v.follow(p.names)
		}
		if found && v.ended() {
			return
		}
		wait := 50 * time.Millisecond
		if found {
			wait = 500 * time.Millisecond
		}
		v.wait(wait)
	}
}

func (v *viewer) follow(names []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, name := range names {
		if v.lanes[name] == nil {
			l := &lane{v: v, name: name, inits: make(map[string]uint32)}
			v.lanes[name] = l
			v.wg.Go(l.run)
		}
	}
}

func (v *viewer) ended() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, l := range v.lanes {
		if !l.ended {
			return false
		}
	}
	return true
}

func (v *viewer) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-v.ctx.Done():
	}
}

// fetch gets something of the stream. Once the first playlist was there all
// answers are counted.
func (v *viewer) fetch(name string) ([]byte, int) {
	req, err := http.NewRequestWithContext(v.ctx, http.MethodGet, v.base+name, nil)
	if err != nil {
		v.complain("%v", err)
		return nil, 0
	}
	res, err := v.http.Do(req)
	if err != nil {
		v.complain("GET %s: %v", name, err)
		return nil, 0
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.complain("GET %s: %v", name, err)
		return nil, 0
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.lanes) > 0 || res.StatusCode == http.StatusOK {
		v.statuses[res.StatusCode]++
	}
	return body, res.StatusCode
}

// answers is how many answers had that status.
func (v *viewer) answers(status int) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.statuses[status]
}

// samples are what came of the playlist of that name so far: "video" or "audio".
func (v *viewer) samples(name string) []sample {
	v.mu.Lock()
	defer v.mu.Unlock()
	l := v.lanes[name+".m3u8"]
	if l == nil {
		return nil
	}
	return slices.Clone(l.got)
}

// sees waits until there is a sample for which is holds.
func (v *viewer) sees(within time.Duration, name, what string, is func(sample) bool) sample {
	v.t.Helper()
	var found sample
	eventually(v.t, within, what, func() bool {
		all := v.samples(name)
		i := slices.IndexFunc(all, is)
		if i >= 0 {
			found = all[i]
		}
		return i >= 0
	})
	return found
}
