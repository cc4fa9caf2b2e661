//go:build e2e

package access

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"weir/pipeline/access"
	"weir/pipeline/service/rtmpd"
)

// TestRevoked takes credentials away from those who are in: a publisher, a viewer, and one
// who listens to events; and somebody who guesses must wait, but nobody else.
func TestRevoked(t *testing.T) {
	t.Parallel()
	s, _ := begin(t, newIssuer(t))
	admin := s.admin(t)
	reply := s.ask(t, client(elsewhere, s.trust), http.MethodPost, "/v1/keys", admin, `{"stream":"live/*","name":"obs"}`)
	key := made(t, reply)
	reply = s.ask(t, client(elsewhere, s.trust), http.MethodPost, "/v1/tokens", admin, `{"name":"watcher","scopes":["read","play"]}`)
	token := made(t, reply)

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	publisher, err := rtmpd.Dial(ctx, "rtmp://"+elsewhere+":"+s.rtmp+"/live/revoked?key="+key.Secret, rtmpd.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close()
	listen, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+elsewhere+":"+s.http+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	listen.Header.Set("Authorization", "Bearer "+token.Secret)
	events, err := client(elsewhere, s.trust).Do(listen)
	if err != nil || events.StatusCode != http.StatusOK {
		t.Fatal(err, events)
	}
	defer events.Body.Close()
	for _, e := range entries() {
		if e.action == access.Play && e.place == "bearer" {
			if got := s.try(t, e, paper{text: token.Secret}, origins()[1]); got != in {
				t.Errorf("%s: %s", e.protocol, got)
			}
		}
	}
	for _, path := range []string{"/v1/keys/" + key.ID, "/v1/tokens/" + token.ID} {
		if reply := s.ask(t, client(elsewhere, s.trust), http.MethodDelete, path, admin, ""); reply.StatusCode != http.StatusNoContent {
			t.Errorf("%s: %s", path, reply.Status)
		}
	}
	select {
	case <-publisher.Done():
	case <-ctx.Done():
		t.Error("a publisher stays")
	}
	if _, err := io.Copy(io.Discard, events.Body); ctx.Err() != nil {
		t.Errorf("a listener stays: %v", err)
	}
	for _, e := range entries() {
		if e.action == access.Play && e.place == "bearer" {
			if got := s.try(t, e, paper{text: token.Secret}, origins()[1]); got != outcome(access.Wrong) {
				t.Errorf("%s afterwards: %s", e.protocol, got)
			}
		}
	}

	guess := func(from, password string) int {
		return s.ask(t, s.client(from), http.MethodPost, "/v1/session", nil, `{"user":"reader","password":"`+password+`"}`).StatusCode
	}
	for n := range 10 {
		if got := guess("198.51.100.250", fmt.Sprint("guess", n)); got != http.StatusUnauthorized {
			t.Errorf("guess %d: %d", n, got)
		}
	}
	if got := guess("198.51.100.250", goodPassword); got != http.StatusTooManyRequests {
		t.Errorf("who has guessed is answered %d", got)
	}
	if got := guess("198.51.100.251", goodPassword); got != http.StatusOK {
		t.Errorf("somebody else is answered %d", got)
	}
}
