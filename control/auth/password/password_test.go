package password

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestHash(t *testing.T) {
	h := NewHasher(1)
	hashed, err := h.Hash(t.Context(), "correct horse")
	if err != nil || Parse(hashed) != nil || strings.Contains(hashed, "horse") {
		t.Fatal(hashed, err)
	}
	for text, want := range map[string]bool{"correct horse": true, "Correct horse": false, "": false, strings.Repeat("a", Longest+1): false} {
		if ok, err := h.Matches(t.Context(), hashed, text); ok != want || err != nil {
			t.Errorf("%.20q: %v %v", text, ok, err)
		}
	}
	if ok, _ := h.Matches(t.Context(), "", ""); ok {
		t.Error("nobody has a password")
	}
}

// What other programs have hashed is taken, but not if it would cost too much.
func TestParse(t *testing.T) {
	const tail = "$c29tZXNhbHRzYWx0$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for text, good := range map[string]bool{
		"$argon2id$v=19$m=65536,t=2,p=1" + tail:      true,
		"$argon2id$v=19$m=4294967295,t=2,p=1" + tail: false,
		"$argon2id$v=19$m=65536,t=99,p=1" + tail:     false,
		"$argon2id$v=19$m=0,t=2,p=1" + tail:          false,
		"$argon2i$v=19$m=65536,t=2,p=1" + tail:       false,
		"$argon2id$v=19$m=65536,t=2,p=1$$":           false,
		"":                                           false,
	} {
		if err := Parse(text); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A flood waits outside: whoever gives up takes no memory.
func TestFewAtOnce(t *testing.T) {
	h := NewHasher(1)
	h.slots <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Matches(ctx, "", "secret12"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := h.Hash(ctx, "secret12"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
