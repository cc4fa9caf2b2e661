package hls

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
)

// Sessions implements pipeline.Reception: those who have asked for something lately.
func (s *stage) Sessions() []pipeline.Session {
	st := s.store.Load()
	if st == nil {
		return nil
	}
	st.seen.count(time.Now())
	return st.seen.list()
}

// list shows the viewers, the first to come first.
func (v *viewers) list() []pipeline.Session {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := make([]pipeline.Session, 0, len(v.seen))
	for key, one := range v.seen {
		all = append(all, pipeline.Session{
			ID: fmt.Sprintf("%016x", key), Protocol: "hls", Remote: netip.AddrPortFrom(addrOf(one.address), 0),
			Agent: access.Printable(one.agent), Subject: one.subject, Since: one.since,
			Bytes: one.bytes.Load(), Bitrate: one.bitrate,
		})
	}
	slices.SortFunc(all, func(a, b pipeline.Session) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// Dismiss implements pipeline.Reception: the viewer is refused for a minute.
func (s *stage) Dismiss(id, why string) bool {
	st := s.store.Load()
	key, err := strconv.ParseUint(id, 16, 64)
	if st == nil || err != nil || !st.seen.dismiss(key, why) {
		return false
	}
	s.env.Log.Info("viewer is sent away", "session", id, "why", why)
	return true
}

var _ pipeline.Reception = (*stage)(nil)
