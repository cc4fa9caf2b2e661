package reception

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"weir/pipeline"
)

const (
	// MaxGrace is the longest that a publisher can be waited for.
	MaxGrace = time.Hour
	maxKeys  = 16
	// goodKey is the length from which on a key is not remarked upon, in bytes.
	goodKey = 16
)

// Keys are all that publishers may show; some may be empty.
type Keys []pipeline.Secret

// Weak says whether a key is so short that it may be guessed.
func (k Keys) Weak() bool {
	return slices.ContainsFunc(k, func(s pipeline.Secret) bool { return !s.Empty() && len(s.Reveal()) < goodKey })
}

// Check checks the fields grace, max_bitrate and keys of a source's configuration. An error
// is a *pipeline.FieldError.
func Check(grace time.Duration, most pipeline.Bitrate, keys []pipeline.Secret) error {
	switch {
	case grace < 0 || grace > MaxGrace:
		return pipeline.Fieldf("grace", "%v is not between 0s and %v", grace, MaxGrace)
	case most < 100e3:
		return pipeline.Fieldf("max_bitrate", "%v is too little for a stream", most).WithHint("try 64M")
	case len(keys) > maxKeys:
		return pipeline.Fieldf("keys", "%d keys; at most %d are allowed", len(keys), maxKeys)
	}
	for i, k := range keys {
		if k.Empty() {
			return pipeline.Fieldf("keys", "number %d is empty", i+1)
		}
	}
	return nil
}

// Reconfigure takes another configuration if it is of the same place. That is enough, for
// what else there is in it is asked for when a publisher comes.
func Reconfigure[C any](now *atomic.Pointer[C], cfg any, place func(*C) string) (bool, error) {
	c, ok := cfg.(*C)
	if !ok {
		return false, fmt.Errorf("configuration is a %T", cfg)
	}
	if place(c) != place(now.Load()) {
		return false, nil
	}
	now.Store(c)
	return true, nil
}
