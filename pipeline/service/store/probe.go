package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// Step is one thing that was tried of a store.
type Step struct {
	What string
	Err  error // nil if it went well
}

// Probe writes, reads, lists and deletes a small object of its own and says how each
// went. It ends with the first step that did not go well, but for deleting.
func Probe(ctx context.Context, s Store) []Step {
	content := []byte(rand.Text())
	o := Object{
		Key: "weir-probe/" + rand.Text(), Body: bytes.NewReader(content), Size: int64(len(content)),
		Sum: sha256.Sum256(content), Type: "text/plain", Fixed: true,
	}
	var steps []Step
	for _, step := range []struct {
		what string
		try  func() error
	}{
		{"write", func() error { return s.Put(ctx, o) }},
		{"refuse to overwrite", func() error { return refuses(ctx, s, o) }},
		{"read back", func() error { return readsBack(ctx, s, o.Key, content) }},
		{"list", func() error { return lists(ctx, s, o.Key) }},
	} {
		err := step.try()
		steps = append(steps, Step{step.what, err})
		if err != nil {
			break
		}
	}
	if steps[0].Err != nil {
		return steps // there is nothing to delete
	}
	return append(steps, Step{"delete", s.Delete(ctx, o.Key)})
}

func refuses(ctx context.Context, s Store, o Object) error {
	other := []byte("another")
	o.Body, o.Size, o.Sum = bytes.NewReader(other), int64(len(other)), sha256.Sum256(other)
	switch err := s.Put(ctx, o); {
	case err == nil:
		return errors.New("the service replaces objects although it was told not to")
	case errors.Is(err, ErrExists):
		return nil
	default:
		return err
	}
}

func readsBack(ctx context.Context, s Store, key string, want []byte) error {
	r, err := s.Get(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := io.ReadAll(io.LimitReader(r, int64(len(want))+1))
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%d other bytes came back: is a cache in between?", len(got))
	}
	return err
}

func lists(ctx context.Context, s Store, key string) error {
	for info, err := range s.List(ctx, key) {
		if err != nil {
			return err
		}
		if info.Key == key {
			return nil
		}
	}
	return errors.New("the object is not listed: is the service only eventually consistent?")
}
