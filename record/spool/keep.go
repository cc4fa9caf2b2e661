package spool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"weir/pipeline/service/store"
)

// Keep says how long recordings stay in the store; zero values set no limit. Only whole
// recordings go, oldest first, and only those that came from this spool.
type Keep struct {
	For  time.Duration // since their end
	Most int64         // bytes of all recordings of one pipeline
	Free int64         // bytes that stay free, where the store knows
}

// keptDir is where the spool remembers complete recordings, a file for each.
const keptDir = "kept"

// kept is a complete recording.
type kept struct {
	Session  string    `json:"session"`
	Pipeline string    `json:"pipeline"`
	Prefix   string    `json:"prefix"`
	Ended    time.Time `json:"ended"`
	Bytes    int64     `json:"bytes"`
	Export   string    `json:"export,omitempty"` // what is still owed
}

func (k *kept) file() string { return keptDir + "/" + k.Session + ".json" }

// keep remembers a recording that is complete.
func (b *Box) keep(l *ledger, m *Manifest) error {
	k := kept{m.Session, m.Pipeline, m.Prefix, m.Ended, m.Bytes, l.recording.Export}
	if err := b.remember(k); err != nil {
		return err
	}
	if k.Export != "" {
		signal(b.owing)
	}
	return nil
}

// remember writes down a complete recording.
func (b *Box) remember(k kept) error {
	draft := k.file() + ".new"
	if err := b.root.WriteFile(draft, encode(k), 0o644); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return b.root.Rename(draft, k.file())
}

// all lists the complete recordings, oldest first.
func (b *Box) all() (ks []kept, err error) {
	names, err := fs.Glob(b.root.FS(), keptDir+"/*.json")
	slices.Sort(names)
	for _, name := range names {
		text, err := b.root.ReadFile(name)
		var k kept
		if err != nil || json.Unmarshal(text, &k) != nil || !store.ValidKey(k.Prefix) || !strings.HasPrefix(name, keptDir+"/"+k.Session) {
			continue // nothing of ours
		}
		ks = append(ks, k)
	}
	return ks, err
}

// retain deletes from the store what need not be kept any more.
func (b *Box) retain(ctx context.Context) error {
	if b.opts.Load().Keep == nil {
		return nil
	}
	ks, err := b.all()
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	used := make(map[string]int64)
	for _, k := range ks {
		used[k.Pipeline] += k.Bytes
	}
	for _, k := range ks {
		policy := b.opts.Load().Keep(k.Pipeline)
		old := policy.For > 0 && time.Since(k.Ended) > policy.For
		large := policy.Most > 0 && used[k.Pipeline] > policy.Most
		if !old && !large && !b.tight(policy.Free) {
			continue
		}
		if b.isExporting(k.Session) {
			b.kept = time.Time{} // it goes in the next round
			continue
		}
		if err := b.erase(ctx, k); err != nil {
			return err
		}
		used[k.Pipeline] -= k.Bytes
	}
	return nil
}

// tight says whether the store has less left than it should.
func (b *Box) tight(least int64) bool {
	roomy, ok := (*b.store.Load()).(store.Roomy)
	if least <= 0 || !ok {
		return false
	}
	free, err := roomy.Free()
	return err == nil && free < least
}

// erase deletes a recording: its manifest first, so that nobody trusts it any more.
func (b *Box) erase(ctx context.Context, k kept) error {
	s := *b.store.Load()
	if err := s.Delete(ctx, k.Prefix+"/manifest.json"); err != nil {
		return err
	}
	parts := 0
	for info, err := range s.List(ctx, k.Prefix+"/") {
		if err != nil {
			return err
		}
		if strings.HasPrefix(info.Key, k.Prefix+"/export-") {
			parts++
		}
		if err := s.Delete(ctx, info.Key); err != nil {
			return err
		}
	}
	if err := b.abandon(ctx, k, parts); err != nil {
		return err
	}
	b.log.Info("a recording was deleted, as it need not be kept any longer", "pipeline", k.Pipeline, "prefix", k.Prefix)
	if err := b.root.Remove(k.file()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}
