package config

import (
	"slices"
	"strings"
	"testing"
)

func TestReadTree(t *testing.T) {
	root, ps := ReadTree([]byte("a: 1\nlist: [x, \"y z\"]\nempty:\nb: {c: d}\n"), "other.yml")
	if len(ps) > 0 {
		t.Fatal(ps)
	}
	if got := root.Keys(); !slices.Equal(got, []string{"a", "list", "empty", "b"}) {
		t.Error(got)
	}
	if got := root.Field("list").Items(); len(got) != 2 || got[1].Text() != "y z" {
		t.Error(got)
	}
	if got := root.Field("b").Field("c"); got.Text() != "d" || got.Line() != 4 {
		t.Error(got)
	}
	if got := root.Field("none").Field("more"); got.Text() != "" || got.Line() != 0 || got.Keys() != nil || got.Items() != nil {
		t.Error(got)
	}
	if _, ps := ReadTree([]byte("a: [1\n"), "other.yml"); len(ps) != 1 {
		t.Error(ps)
	}
	if _, ps := ReadTree([]byte(strings.Repeat("[", 100)), "other.yml"); len(ps) != 1 {
		t.Error(ps)
	}
}
