//go:build libav && cgo

package av

import (
	"cmp"
	"slices"
	"time"

	"weir/pipeline/media"
)

// stamp is what is to be known of a unit when its picture or sound comes out again.
type stamp struct {
	pts              media.Ticks
	capture, arrived time.Time
	flags            media.Flags
}

func stampOf(u *media.Unit) stamp {
	return stamp{pts: u.PTS, capture: u.Capture, arrived: u.Arrived, flags: u.Flags}
}

// ledger keeps the stamps of the last units that went into a codec, which gives back
// only their times, and in another order.
type ledger struct {
	entries [128]stamp
	next    int
}

func (l *ledger) enter(s stamp) {
	l.entries[l.next%len(l.entries)] = s
	l.next++
}

// exact is the stamp of that time, or one of that time and nothing else.
func (l *ledger) exact(pts media.Ticks) stamp {
	for i := l.next - 1; i >= max(0, l.next-len(l.entries)); i-- {
		if s := l.entries[i%len(l.entries)]; s.pts == pts {
			return s
		}
	}
	return stamp{pts: pts}
}

// between are the stamps of times after the first and before the second, in order.
func (l *ledger) between(after, before media.Ticks) []stamp {
	var found []stamp
	for i := max(0, l.next-len(l.entries)); i < l.next; i++ {
		if s := l.entries[i%len(l.entries)]; s.pts > after && s.pts < before {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b stamp) int { return cmp.Compare(a.pts, b.pts) })
	return found
}

// around is what the stamp of pts, in ticks of rate, would be: of the last entry that
// is not after it, moved by the difference.
func (l *ledger) around(pts media.Ticks, rate media.Rate) stamp {
	best, found := stamp{}, false
	for i := l.next - 1; i >= max(0, l.next-len(l.entries)); i-- {
		if s := l.entries[i%len(l.entries)]; s.pts <= pts && (!found || s.pts > best.pts) {
			best, found = s, true
		}
	}
	if !found {
		return stamp{pts: pts}
	}
	by := rate.Duration(pts - best.pts)
	best.pts = pts
	if !best.capture.IsZero() {
		best.capture = best.capture.Add(by)
	}
	return best
}
