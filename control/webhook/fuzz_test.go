package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// FuzzJournal: whatever is in a journal, what is read is bounded, names its recipients and
// can be written and read again as it is.
func FuzzJournal(f *testing.F) {
	for _, text := range []string{
		"",
		`{"id":"1","to":["a","b"],"type":"x","stream":"live/a","at":"2026-11-28T12:00:00Z","body":{"n":1}}` + "\n" + `{"id":"1","done":"a"}` + "\n",
		`{"id":"1","to":["a"],"body":{}}` + "\n" + `{"id":"1","done":"a"}` + "\n" + `{"id":"2","to":["a"],"bo`,
		"\x00\xff\n{}\nnull\n[]\n",
		`{"id":"1","to":["a"],"body":1}` + "\n" + `{"id":"1","to":["b"],"body":2}` + "\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		left := read(bytes.NewReader(b))
		var again []byte
		for _, o := range left {
			if o.id == "" || len(o.to) == 0 || !json.Valid(o.body) || len(o.body) > maxLine {
				t.Fatalf("%+v", o)
			}
			line, err := json.Marshal(o.entry())
			if err != nil {
				t.Fatal(err)
			}
			again = append(append(again, line...), '\n')
		}
		if same := read(bytes.NewReader(again)); len(same) != len(left) && len(again) < maxLine {
			t.Fatalf("%d are left, and then %d", len(left), len(same))
		}
	})
}

// FuzzEndpoints: no file of endpoints is taken that has one which could not be added.
func FuzzEndpoints(f *testing.F) {
	f.Add([]byte(`{"endpoints":[{"id":"wh-1","url":"https://example.net/","secret":"` + secret + `","events":["output.*"]}]}`))
	f.Add([]byte(`{"endpoints":[{}]}`))
	f.Add([]byte(`{"endpoints":null,"more":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := parseEndpoints(b)
		if err != nil {
			return
		}
		for _, e := range all {
			if e.ID == "" || e.check() != nil {
				t.Fatalf("%+v", e)
			}
		}
	})
}

// A torn line and one that is too long cost nothing but themselves.
func TestDamagedJournals(t *testing.T) {
	line := func(id string) string { return fmt.Sprintf(`{"id":%q,"to":["a"],"body":{}}`, id) }
	text := strings.Join([]string{line("1"), line("2")[:12], `{"id":"3","to":["a"],"body":"` + strings.Repeat("x", maxLine) + `"}`, line("4"), line("5")}, "\n")
	left := read(strings.NewReader(text))
	if len(left) != 2 || left[0].id != "1" || left[1].id != "4" {
		t.Errorf("%+v", left)
	}
}
