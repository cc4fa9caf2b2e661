package worker

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"weir/transcode/wire"
)

// The most lines of a worker that reach the log.
const (
	linesPer    = 10 * time.Second
	linesWithin = 20
	// maxText and maxAttrs bound a line.
	maxText  = 512
	maxAttrs = 8
)

// limiter passes a worker's log on, within limits. libav can write a line for every
// slice of a damaged stream.
type limiter struct {
	log        *slog.Logger
	since      time.Time
	lines      int
	suppressed int
}

func (l *limiter) write(m wire.Log) {
	if now := time.Now(); now.Sub(l.since) > linesPer {
		l.flush()
		l.since, l.lines = now, 0
	}
	if l.lines++; l.lines > linesWithin {
		l.suppressed++
		return
	}
	var attrs []slog.Attr
	keys := make([]string, 0, len(m.Attrs))
	for k := range m.Attrs {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys[:min(len(keys), maxAttrs)] {
		attrs = append(attrs, slog.String(cut(k), cut(m.Attrs[k])))
	}
	l.log.LogAttrs(context.Background(), m.Level, cut(m.Message), slog.GroupAttrs("worker", attrs...))
}

// flush says how many lines were left out.
func (l *limiter) flush() {
	if l.suppressed > 0 {
		l.log.Warn("lines of the worker were left out", "lines", l.suppressed)
	}
	l.suppressed = 0
}

func cut(s string) string {
	if len(s) > maxText {
		return s[:maxText] + "…"
	}
	return s
}
