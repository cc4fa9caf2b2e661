package egress

import (
	"slices"
	"time"
)

const (
	// maxPaths is the number of validated addresses of a session: a host with
	// several interfaces has one for each.
	maxPaths = 8
	// staleFor is the time without a check after which the selected path gives way
	// to a path that the viewer shows to be using, nominated or not: behind a NAT
	// that has changed its mind the viewer does not know that its address is another.
	// Browsers check a selected pair every 2.5 s.
	staleFor = 6 * time.Second
	// doubtful is the same where SRTCP came from the other path: a viewer sends it
	// on its selected pair only.
	doubtful = 2 * time.Second
)

// check takes a binding request that carries the session's ufrag (RFC 8445 section
// 7.3, for a lite agent).
func (s *Session) check(datagram []byte, from origin) {
	s.mu.Lock()
	local, remote := s.local, s.remoteUfrag
	s.mu.Unlock()
	b := parseBinding(datagram, local, remote)
	if b == nil || from.link != nil && !from.link.belongsTo(s) {
		return
	}
	if b.ok() && !s.validate(from, b.nominates) {
		return
	}
	answer, err := b.answer(from, local.Password)
	if err != nil {
		return
	}
	from.write(answer)
}

// validate records a valid check; false if the session has ended.
func (s *Session) validate(from origin, nominated bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.State() == Gone {
		return false
	}
	now := s.engine.now()
	p := s.pathFrom(from)
	if p == nil {
		p = newPath(from)
		s.makeRoom()
		s.paths = append(s.paths, p)
		if from.socket != nil {
			from.socket.validated(from.addr, s)
		}
	}
	p.checked = int64(now)
	selected := s.path.Load()
	if selected == nil || nominated || now-time.Duration(selected.checked) >= staleFor {
		s.path.Store(p)
	}
	s.state.CompareAndSwap(uint32(Opened), uint32(Checked))
	return true
}

// pathFrom is the validated path that begins at from.
func (s *Session) pathFrom(from origin) *path {
	i := slices.IndexFunc(s.paths, func(p *path) bool { return p.origin == from })
	if i < 0 {
		return nil
	}
	return s.paths[i]
}

// makeRoom drops the path that has not been checked for longest, if there is no
// place for another.
func (s *Session) makeRoom() {
	if len(s.paths) < maxPaths {
		return
	}
	selected, oldest := s.path.Load(), -1
	for i, p := range s.paths {
		if p != selected && (oldest < 0 || p.checked < s.paths[oldest].checked) {
			oldest = i
		}
	}
	s.paths[oldest].leave(s)
	s.paths = slices.Delete(s.paths, oldest, oldest+1)
}

// heard says that authentic SRTCP came over a path.
func (s *Session) heard(from origin) {
	selected := s.path.Load()
	if selected == nil || selected.origin == from {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pathFrom(from)
	if p != nil && s.engine.now()-time.Duration(selected.checked) >= doubtful && p.checked > selected.checked {
		s.path.Store(p)
	}
}
