package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"weir/pipeline/config"
	"weir/pipeline/service/store"
	"weir/record"
)

// doctorStores tries every store in the files, each once.
func doctorStores(ctx context.Context, out io.Writer, paths []string) error {
	shelves, err := shelvesOf(paths...)
	if err != nil {
		return err
	}
	ill := false
	for _, s := range shelves {
		fmt.Fprintf(out, "%s (%s)\n", s.place.Address(), s.stage)
		if err := tryStore(ctx, out, s.place); err != nil {
			ill = true
		}
	}
	switch {
	case len(shelves) == 0:
		return errors.New("nothing records in there\nhelp: weir doctor store tries the stores of stages with use: record")
	case ill:
		return wrong(exitFailure)
	}
	return nil
}

// shelf is a store of recordings, and the first stage that records there.
type shelf struct {
	place store.Place
	stage string
}

// shelvesOf lists the stores that configuration files record to, each once.
func shelvesOf(paths ...string) (shelves []shelf, err error) {
	seen := make(map[string]bool)
	for _, src := range sources(paths) {
		file, err := fileOf(src)
		if err != nil {
			return nil, err
		}
		for _, s := range shelvesOfFile(file) {
			if !seen[s.place.Address()] {
				seen[s.place.Address()] = true
				shelves = append(shelves, s)
			}
		}
	}
	return shelves, nil
}

// shelvesOfFile lists those of one file.
func shelvesOfFile(file *config.File) (shelves []shelf) {
	seen := make(map[string]bool)
	for _, plan := range file.Plans {
		for _, n := range plan.Nodes {
			cfg, ok := n.Config.(*record.Config)
			if ok && !seen[cfg.Store.Address()] {
				seen[cfg.Store.Address()] = true
				shelves = append(shelves, shelf{cfg.Store, fmt.Sprintf("%s#%s", plan.Def.Pattern, n.Name)})
			}
		}
	}
	return shelves
}

func tryStore(ctx context.Context, out io.Writer, cfg store.Place) error {
	s, err := cfg.Open()
	if err != nil {
		fmt.Fprintf(out, "  ✗ open: %v\n", err)
		return err
	}
	for _, step := range store.Probe(ctx, s) {
		if step.Err != nil {
			fmt.Fprintf(out, "  ✗ %s: %v\n", step.What, step.Err)
			err = step.Err
			continue
		}
		fmt.Fprintf(out, "  ✓ %s\n", step.What)
	}
	if err == nil && cfg.Bucket() {
		fmt.Fprintln(out, "  ! give the bucket a rule that ends incomplete multipart uploads after a day, for what other programs leave")
	}
	return err
}
