package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"

	"weir/control/api"
)

// An export that a process leaves is owed by the next one, which makes it or says why not.
func TestExportsAreOwed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "weir.exports.json")
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	first := newExports(file, log)
	if ids := first.left(); len(ids) != 0 {
		t.Error(ids)
	}
	forever := func(ctx context.Context) (found, error) { <-ctx.Done(); return found{}, ctx.Err() }
	for range 2 { // the second time nothing begins
		if e, err := first.begin("A", forever, func() {}); err != nil || e.State != pending {
			t.Fatal(e, err)
		}
	}
	ended := make(chan struct{})
	if _, err := first.begin("B", func(context.Context) (found, error) { return found{}, errors.New("the store is away") }, func() { close(ended) }); err != nil {
		t.Fatal(err)
	}
	<-ended
	if e := first.of("B"); e.State != failed || e.Message != "the store is away" {
		t.Errorf("%+v", e)
	}
	first.close()
	if _, err := first.begin("C", forever, func() {}); !errors.Is(err, api.ErrUnderWay) {
		t.Error("a process that ends begins something: ", err)
	}

	second := newExports(file, log)
	if ids := second.left(); !slices.Equal(ids, []string{"A"}) {
		t.Fatalf("%q are owed", ids)
	}
	ended = make(chan struct{})
	if _, err := second.begin("A", func(context.Context) (found, error) { return found{}, api.ErrNoRecording }, func() { close(ended) }); err != nil {
		t.Fatal(err)
	}
	<-ended
	second.close()
	if e := second.of("A"); e.State != failed || e.Message == "" {
		t.Errorf("%+v", e)
	}
	if ids := newExports(file, log).left(); len(ids) != 0 {
		t.Errorf("%q are owed for ever", ids)
	}
}
