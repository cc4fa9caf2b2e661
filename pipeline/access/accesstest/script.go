package accesstest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/pipeline/access"
)

// Rule lets in who shows a token, for one action on one stream.
type Rule struct {
	Action access.Action
	Path   string
	// Token is what must be shown as a token, or as the query; "" lets anybody in.
	Token   string
	Subject string
	Expires time.Time
	// Limited refuses although the token is right: a quota is used up.
	Limited bool
}

// Script is a Policy by a table: what is in none of its rules is refused. The zero
// Script refuses everybody.
type Script struct {
	mu    sync.Mutex // guards what follows
	rules []Rule
	over  map[string]chan struct{} // by token
	asked []access.Request
	fail  error
	hold  chan struct{}
}

// NewScript makes a Script of rules.
func NewScript(rules ...Rule) *Script { return &Script{rules: rules} }

// Allow implements access.Policy.
func (s *Script) Allow(ctx context.Context, r access.Request) (*access.Pass, error) {
	s.mu.Lock()
	s.asked = append(s.asked, r)
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return nil, s.fail
	}
	return s.decide(r, time.Now())
}

// decide is the table. The caller holds s.mu.
func (s *Script) decide(r access.Request, now time.Time) (*access.Pass, error) {
	known := false
	for _, rule := range s.rules {
		fits := rule.Action == r.Action && rule.Path == r.Path
		shows := rule.Token != "" && (r.Token.Equal(rule.Token) || r.Query.Equal(rule.Token) || r.Password.Equal(rule.Token))
		known = known || shows
		switch {
		case !fits || !shows && rule.Token != "":
		case rule.Limited:
			return nil, access.Refuse(access.Limited, "There are as many as there may be.")
		case !rule.Expires.IsZero() && !now.Before(rule.Expires):
			return nil, access.Refuse(access.Expired, "The token has expired.")
		default:
			return &access.Pass{Subject: rule.Subject, Expires: rule.Expires, Over: s.channel(rule.Token)}, nil
		}
	}
	switch {
	case known:
		return nil, access.Refuse(access.Forbidden, "The token is for something else.")
	case r.Bare():
		return nil, access.Refuse(access.Missing, "A token is needed.")
	default:
		return nil, access.Refuse(access.Wrong, "The token is wrong.")
	}
}

func (s *Script) channel(token string) <-chan struct{} {
	if s.over == nil {
		s.over = make(map[string]chan struct{})
	}
	if s.over[token] == nil {
		s.over[token] = make(chan struct{})
	}
	return s.over[token]
}

// Add adds a rule.
func (s *Script) Add(r Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, r)
}

// Withdraw takes away all rules with a token and ends the passes that came of them.
func (s *Script) Withdraw(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = slices.DeleteFunc(s.rules, func(r Rule) bool { return r.Token == token })
	if over := s.over[token]; over != nil {
		close(over)
		delete(s.over, token)
	}
}

// Fail makes all further answers this error; nil ends that.
func (s *Script) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// Hold makes whoever asks from now on wait until release is called.
func (s *Script) Hold() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hold := make(chan struct{})
	s.hold = hold
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		close(hold)
		s.hold = nil
	}
}

// Asked is what was asked so far, in the words "publish live/a rtmp".
func (s *Script) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, r := range s.asked {
		all = append(all, strings.Join([]string{string(r.Action), r.Path, r.Protocol}, " "))
	}
	return all
}

var _ access.Policy = (*Script)(nil)
