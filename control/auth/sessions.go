package auth

import (
	"crypto/rand"
	"sync"
	"time"

	"weir/control/auth/book"
)

// Cookie is the name of the cookie that a signed-in user has.
const Cookie = "weir_session"

// The most sessions, of all and of one user: then the one that has rested longest ends.
const (
	maxSessions = 10_000
	maxPerUser  = 32
)

// sessions are the users who are signed in. They do not outlive the process.
type sessions struct {
	idle, most time.Duration

	mu  sync.Mutex          // guards all
	all map[string]*session // by the sums of what their cookies say
}

type session struct {
	user  string
	mark  string // of the user as it was
	began time.Time
	seen  time.Time
}

func newSessions(idle, most time.Duration) *sessions {
	return &sessions{idle: idle, most: most, all: make(map[string]*session)}
}

// begin signs a user in. The cookie says secret until expires.
func (s *sessions) begin(u *book.User) (secret string, expires time.Time) {
	secret = rand.Text() // 130 bits
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.evict(func(o *session) bool { return o.user == u.Name }, maxPerUser)
	s.evict(func(*session) bool { return true }, maxSessions)
	s.all[book.Sum(secret)] = &session{user: u.Name, mark: mark(u), began: now, seen: now}
	return secret, now.Add(s.most)
}

// evict makes room for one more of those that count. The caller holds mu.
func (s *sessions) evict(counts func(*session) bool, most int) {
	n, oldest := 0, ""
	for sum, o := range s.all {
		if !counts(o) {
			continue
		}
		if n++; oldest == "" || o.seen.Before(s.all[oldest].seen) {
			oldest = sum
		}
	}
	if n >= most {
		delete(s.all, oldest)
	}
}

func (s *sessions) over(o *session, now time.Time) bool {
	return now.Sub(o.seen) >= s.idle || now.Sub(o.began) >= s.most
}

// find is whose session a cookie is, and how the session is called; it keeps it from
// going idle.
func (s *sessions) find(secret string) (id string, o session, ok bool) {
	now := time.Now()
	id = book.Sum(secret)
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.all[id]
	if found == nil || s.over(found, now) {
		return "", session{}, false
	}
	found.seen = now
	return id, *found, true
}

// end signs out.
func (s *sessions) end(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, book.Sum(secret))
}

func (s *sessions) alive(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[id] != nil
}

// sweep ends the sessions whose time is past, and of users who are not as they were.
func (s *sessions) sweep(now time.Time, marks map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, o := range s.all {
		if s.over(o, now) || !marks[o.mark] {
			delete(s.all, id)
		}
	}
}
