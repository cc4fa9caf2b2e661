//go:build libav && cgo

package av

import (
	"strconv"
	"time"
)

// damage counts what could not be decoded and says so once in a while.
type damage struct {
	out    *outlet
	kind   string
	n      int
	spoken time.Time
}

func (d *damage) count(err error) {
	d.out.damaged.Add(1)
	d.n++
	if now := time.Now(); now.Sub(d.spoken) >= 5*time.Second {
		d.out.warn("the source has "+d.kind+" that cannot be decoded", "count", strconv.Itoa(d.n), "error", err.Error())
		d.spoken, d.n = now, 0
	}
}
