package book

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/control/auth/password"
)

func TestSecretsAreKnownAndRandom(t *testing.T) {
	secret, sum := NewSecret(TokenPrefix)
	other, _ := NewSecret(TokenPrefix)
	if !strings.HasPrefix(secret, "weirt_") || len(secret) != len("weirt_")+26 || secret == other || Sum(secret) != sum {
		t.Error(secret, sum, other)
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, stream string
		want            bool
	}{
		{"live/a", "live/a", true},
		{"live/a", "live/A", false},
		{"live/*", "live/a", true},
		{"live/*", "live/a/guest", false},
		{"*", "live/a", false},
		{All, "live/a/guest", true},
		{"live/[ab]", "live/b", true},
		{"live/a", "live/a/", false},
		{"live/a", "live%2Fa", false},
	} {
		if got := Matches([]string{c.pattern}, c.stream); got != c.want {
			t.Errorf("%s for %s: %v", c.pattern, c.stream, got)
		}
	}
	if Matches(nil, "live/a") {
		t.Error("no pattern matches")
	}
}

func TestKeysHaveTheirTime(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	k := Key{From: begin, Expires: begin.Add(time.Hour)}
	for at, want := range map[time.Duration]bool{-1: false, 0: true, time.Hour - 1: true, time.Hour: false} {
		if got := k.Valid(begin.Add(at)); got != want {
			t.Errorf("after %v: %v", at, got)
		}
	}
	if k := (&Key{}); !k.Valid(begin) {
		t.Error("a key without bounds is not valid")
	}
}

func newKey(name string) Key {
	_, sum := NewSecret(KeyPrefix)
	return Key{ID: NewID(), Name: name, Sum: sum, Stream: "live/*"}
}

func add(name string) func(*Book) error {
	return func(b *Book) error {
		b.Keys = append(b.Keys, newKey(name))
		return nil
	}
}

func TestStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weir.access.json")
	s, err := Open(path)
	if err != nil || len(s.Book().Keys) != 0 {
		t.Fatal(err)
	}
	if err := s.Update(add("a")); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Error(fi.Mode(), err)
	}
	// Somebody else changes the file: both changes are in it, and the first hears of it.
	other, err := Open(path)
	if err != nil || len(other.Book().Keys) != 1 {
		t.Fatal(err)
	}
	if err := other.Update(add("b")); err != nil {
		t.Fatal(err)
	}
	if changed, err := s.Refresh(); !changed || err != nil || len(s.Book().Keys) != 2 {
		t.Error(changed, err)
	}
	if changed, err := s.Refresh(); changed || err != nil {
		t.Error(changed, err)
	}
	if err := s.Update(add("c")); err != nil || len(s.Book().Keys) != 3 {
		t.Error(err, s.Book().Keys)
	}
	if changed, _ := s.Refresh(); changed {
		t.Error("its own change is news")
	}
	// Nothing else is left in the folder but the lock.
	if all, _ := os.ReadDir(filepath.Dir(path)); len(all) != 2 {
		t.Error(all)
	}
}

func TestWhatIsWrongChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.json")
	s, _ := Open(path)
	if err := s.Update(add("a")); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	refused := errors.New("no")
	if err := s.Update(func(b *Book) error { b.Keys = nil; return refused }); !errors.Is(err, refused) {
		t.Error(err)
	}
	if err := s.Update(func(b *Book) error { b.Keys[0].Name = ""; return nil }); err == nil {
		t.Error("a key without a name is taken")
	}
	if after, _ := os.ReadFile(path); string(before) != string(after) || s.Book().Keys[0].Name != "a" {
		t.Error("the book has changed")
	}
	// A file that somebody has broken is told of once, and the book stays in force.
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if changed, err := s.Refresh(); changed || err == nil {
		t.Error(changed, err)
	}
	if changed, err := s.Refresh(); changed || err != nil || len(s.Book().Keys) != 1 {
		t.Error(changed, err)
	}
	if err := s.Update(add("b")); err == nil {
		t.Error("a broken file is overwritten")
	}
	if _, err := Open(path); err == nil {
		t.Error("a broken file is opened")
	}
}

// A crash at any point of writing leaves the old file: what is half written has another
// name.
func TestHalfWrittenFilesAreNotRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	s, _ := Open(path)
	if err := s.Update(add("a")); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	for n := range 10 {
		half := filepath.Join(dir, fmt.Sprintf(".a.json.%d", n))
		if err := os.WriteFile(half, text[:n*len(text)/10], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := Open(path); err != nil || len(s.Book().Keys) != 1 {
		t.Error(err)
	}
}

func TestManyChangesAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.json")
	var group sync.WaitGroup
	for n := range 4 {
		group.Go(func() {
			s, err := Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			for range 5 {
				if err := s.Update(add(fmt.Sprint(n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if s, err := Open(path); err != nil || len(s.Book().Keys) != 20 {
		t.Error(len(s.Book().Keys), err)
	}
}

func TestMemory(t *testing.T) {
	s, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Update(add("a")); err != nil || len(s.Book().Keys) != 1 {
		t.Error(err)
	}
}

func TestTouch(t *testing.T) {
	k := newKey("a")
	b := &Book{Version: Version, Keys: []Key{k}}
	now := time.Unix(1e9, 0)
	b.Touch(map[string]time.Time{k.ID: now, "gone": now})
	b.Touch(map[string]time.Time{k.ID: now.Add(-time.Hour)})
	if len(b.Used) != 1 || !b.LastUsed(k.ID).Equal(now) || !b.LastUsed("gone").IsZero() {
		t.Error(b.Used)
	}
}

func TestCheck(t *testing.T) {
	hash := password.Hash("correct horse")
	good := func() *Book {
		return &Book{
			Version: Version,
			Users:   []User{{Name: "ann", Hash: hash, Scope: "admin"}},
			Tokens:  []Token{{ID: "t", Name: "ci", Sum: Sum("x"), Scopes: []string{"read", "play"}}},
			Keys:    []Key{{ID: "k", Name: "obs", Sum: Sum("y"), Stream: "live/*"}},
			Signers: []Signer{{ID: "s", Secret: make([]byte, 32)}},
		}
	}
	if err := good().Check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Book){
		"version":       func(b *Book) { b.Version = 2 },
		"no scope":      func(b *Book) { b.Users[0].Scope = "" },
		"scope":         func(b *Book) { b.Users[0].Scope = "play" },
		"password":      func(b *Book) { b.Users[0].Hash = "secret" },
		"name":          func(b *Book) { b.Users[0].Name = "a\nb" },
		"twice":         func(b *Book) { b.Users = append(b.Users, b.Users[0]) },
		"token scopes":  func(b *Book) { b.Tokens[0].Scopes = nil },
		"token scope":   func(b *Book) { b.Tokens[0].Scopes = []string{"all"} },
		"sum":           func(b *Book) { b.Keys[0].Sum = "aa" },
		"stream":        func(b *Book) { b.Keys[0].Stream = "[" },
		"no stream":     func(b *Book) { b.Keys[0].Stream = "" },
		"expires early": func(b *Book) { b.Keys[0].From, b.Keys[0].Expires = time.Unix(9, 0), time.Unix(8, 0) },
		"same id":       func(b *Book) { b.Keys[0].ID = "t" },
		"same secret":   func(b *Book) { b.Keys[0].Sum = b.Tokens[0].Sum },
		"signer":        func(b *Book) { b.Signers[0].Secret = nil },
	} {
		b := good()
		spoil(b)
		if b.Check() == nil {
			t.Errorf("%s: no problem is found", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`{"version":1,"users":[{"name":"ann","hash":"` + password.Hash("correct horse") + `","scope":"admin","created":"2026-01-01T00:00:00Z"}]}`))
	f.Add([]byte(`{"version":1,"keys":[{"id":"k","name":"obs","sha256":"` + Sum("y") + `","stream":"live/*","created":"2026-01-01T00:00:00Z"}],"used":[{"id":"k","at":"2026-01-01T00:00:00Z"}]}`))
	f.Add([]byte(`{"version":1,"signers":[{"id":"s","secret":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","created":"2026-01-01T00:00:00Z"}]}x`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := Parse(text)
		if err == nil && b.Check() != nil {
			t.Error("a book that is read is not good")
		}
	})
}
