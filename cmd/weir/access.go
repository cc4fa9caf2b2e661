package main

import (
	"weir/control/auth"
	"weir/control/auth/book"
	"weir/pipeline/config"
	"weir/pipeline/service/outgoing"
)

// accessFile is where users, tokens and keys are kept: where the configuration says, or
// with the other files; "" keeps them in memory.
func accessFile(settings config.Access, files string) string {
	if settings.State != "" || files == "" {
		return settings.State
	}
	return files + ".access.json"
}

// newAuth makes the policy of all doors and of the API.
func (s *server) newAuth() (*auth.Auth, error) {
	store, err := book.Open(s.settings.Access.State)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what failed
	}
	allow, err := outgoing.ParseAllow(s.settings.Outgoing.Allow)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what failed
	}
	dialer := outgoing.Dialer{Allow: allow}
	return auth.New(auth.Options{ //nolint:wrapcheck // it says what failed
		Settings: s.settings.Access, Store: store, Log: s.log.With("service", "access"), Dial: dialer.DialContext, Peers: s.peersNow,
	})
}

// peersNow are the publishers and viewers of all streams, for quotas.
func (s *server) peersNow() []auth.Peer {
	if s.host == nil {
		return nil
	}
	all, _ := s.host.Sessions("")
	out := make([]auth.Peer, len(all))
	for i, p := range all {
		out[i] = auth.Peer{Session: p.Session, Path: p.Path, Publisher: p.Publisher}
	}
	return out
}
