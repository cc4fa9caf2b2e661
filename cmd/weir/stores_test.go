package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"weir/pipeline/service/store"
	"weir/record"
)

// A directory that was recorded to is looked into after a restart, though no stage names
// it any more; of a bucket it is said that nobody says how to reach it.
func TestStoresAreRemembered(t *testing.T) {
	t.Chdir(t.TempDir())
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	dir, err := filepath.Abs("shows")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	place := store.Place{Dir: dir}
	opened, err := place.Open()
	if err != nil {
		t.Fatal(err)
	}
	here, bucket := record.Shelf{Address: place.Address(), Store: opened}, record.Shelf{Address: "s3 example.net/shows"}
	addresses := func(s *stores, now ...record.Shelf) (all []string) {
		for _, sh := range s.shelves(now) {
			if all = append(all, sh.Address); sh.Store == nil && sh.Address != bucket.Address {
				t.Errorf("%s is not open", sh.Address)
			}
		}
		return all
	}
	first := newStores("weir.stores.json", log)
	if got := addresses(first, here, bucket); !slices.Equal(got, []string{here.Address, bucket.Address}) || len(first.unreachable()) != 0 {
		t.Error(got, first.unreachable())
	}
	second := newStores("weir.stores.json", log)
	if got := addresses(second); !slices.Equal(got, []string{here.Address}) || !slices.Equal(second.unreachable(), []string{bucket.Address}) {
		t.Error(got, second.unreachable())
	}
	if got := addresses(second, bucket); !slices.Equal(got, []string{bucket.Address, here.Address}) || len(second.unreachable()) != 0 {
		t.Error(got, second.unreachable())
	}
	if err := os.WriteFile("weir.stores.json", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := addresses(newStores("weir.stores.json", log)); len(got) != 0 {
		t.Error(got)
	}
}
