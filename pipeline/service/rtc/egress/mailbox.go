package egress

import (
	"sync"
	"time"
)

// mailbox holds what sessions have to say until their Sender polls: changes of
// state, at most two a session, and RTCP, bounded in bytes.
type mailbox struct {
	limit int
	wake  chan struct{}

	mu         sync.Mutex
	mail       mail
	generation uint64 // counts takes
}

// mail is what was in a mailbox.
type mail struct {
	changes []change
	letters []letter
	bytes   []byte // what the letters say
}

// change is a session that was connected, or has gone.
type change struct {
	session *Session
	gone    bool
	why     Reason
}

// letter is one compound RTCP packet, decrypted.
type letter struct {
	session    *Session
	at         time.Time // of arrival
	start, end int       // in mail.bytes
}

// postage is what a session has in the mailbox.
type postage struct {
	generation uint64
	bytes      int
}

// maxPostage is the number of bytes that one session may have in the mailbox: no
// viewer can keep the others from being heard.
const maxPostage = 8 << 10

func (b *mailbox) init(limit int) {
	b.limit, b.wake = limit, make(chan struct{}, 1)
}

// put takes a letter; false if there is no room.
func (b *mailbox) put(s *Session, rtcp []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &s.inbound.postage
	if p.generation != b.generation {
		*p = postage{generation: b.generation}
	}
	if p.bytes+len(rtcp) > maxPostage || len(b.mail.bytes)+len(rtcp) > b.limit {
		return false
	}
	p.bytes += len(rtcp)
	start := len(b.mail.bytes)
	b.mail.bytes = append(b.mail.bytes, rtcp...)
	b.mail.letters = append(b.mail.letters, letter{session: s, at: time.Now(), start: start, end: len(b.mail.bytes)})
	b.ring()
	return true
}

func (b *mailbox) connected(s *Session) { b.change(change{session: s}) }

func (b *mailbox) closed(s *Session, why Reason) {
	b.change(change{session: s, gone: true, why: why})
}

func (b *mailbox) change(c change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mail.changes = append(b.mail.changes, c)
	b.ring()
}

func (b *mailbox) ring() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take empties the mailbox into m, whose memory it takes in exchange.
func (b *mailbox) take(m *mail) {
	clear(m.changes) // let sessions go
	clear(m.letters)
	m.changes, m.letters, m.bytes = m.changes[:0], m.letters[:0], m.bytes[:0]
	b.mu.Lock()
	defer b.mu.Unlock()
	*m, b.mail = b.mail, *m
	b.generation++
}
