package durable

import (
	"os"
	"path/filepath"
	"testing"
)

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "state.json")
	for _, text := range []string{"one", "two, which is longer", ""} {
		info, err := Replace(name, []byte(text), Private)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil || string(got) != text {
			t.Errorf("%q, %v instead of %q", got, err, text)
		}
		now, err := os.Stat(name)
		if err != nil || !os.SameFile(info, now) || !info.ModTime().Equal(now.ModTime()) || now.Mode().Perm() != Private {
			t.Errorf("%v, %v is not what was told, %v", now, err, info)
		}
	}
}

// What cannot be replaced stays, and nothing is left beside it.
func TestReplaceFails(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "state.json")
	if err := os.MkdirAll(filepath.Join(name, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Replace(name, []byte("text"), Private); err == nil {
		t.Error("a folder was replaced by a file")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}
