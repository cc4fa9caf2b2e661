package whep

import (
	"slices"
	"sync/atomic"
	"time"

	"weir/outputs/whep/estimate"
	"weir/pipeline/access"
	"weir/pipeline/media"
	"weir/pipeline/service/rtc/egress"
)

// viewer is one session, as its shard sees it. All but what says otherwise belongs to
// the shard's goroutine.
type viewer struct {
	session *egress.Session
	legs    []*leg
	// wanted is the layer that the viewer has chosen himself; "" leaves it to the
	// estimate.
	wanted string

	bucket    bucket
	estimator *estimate.Estimator // nil without transport-wide feedback
	remb      int64               // the viewer's own estimate in bit/s, or a guess; 0 is none
	guessing  bool                // there is neither kind of feedback
	probe     probe
	path      path

	pass *access.Pass
	// sending is what is sent, in bit/s, for others to read; sent what it was measured from.
	sending *atomic.Int64
	sent    struct {
		bytes uint64
		at    time.Time
	}

	connected bool
	skipped   time.Time // when the first of a row of skips was, with nothing arriving between
	leaving   string    // why the session is about to end, if this end wants it to
}

// standing says how far a leg follows its flow.
type standing uint8

const (
	// waiting: nothing is sent before a key picture comes.
	waiting standing = iota
	// live: everything is sent as it comes, together with all others who are live.
	live
	// trailing: the viewer is sent what is held from leg.next on, at his own pace.
	trailing
)

// leg is one track on its way to one viewer.
type leg struct {
	viewer *viewer
	stream *egress.Stream
	track  media.TrackID
	codec  media.Codec

	standing standing
	lane     *lane // what is sent; nil while waiting
	target   int8  // the layer that shall be sent
	// next is the number of the packet that comes next, and sent the PTS of the last
	// one that was sent; both while trailing.
	next uint64
	sent media.Ticks
	// until is when one who joined must have caught up; zero for others.
	until time.Time
	asked time.Time // when a key picture was asked for
	// ladder chooses the target.
	ladder ladder
}

// switching says that another layer than the present one shall be sent as soon as
// it has a key picture.
func (g *leg) switching() bool { return g.lane != nil && g.target != g.lane.flow.layer }

func (g *leg) video() bool { return g.codec.Kind() == media.KindVideo }

// lane is a flow as one shard serves it.
type lane struct {
	flow *flow
	next uint64 // the packet that comes next
	legs []*leg // those that are live
	sent media.Ticks
}

func (l *lane) video() bool { return l.flow.codec.Kind() == media.KindVideo }

func (l *lane) drop(g *leg) {
	l.legs = slices.DeleteFunc(l.legs, func(o *leg) bool { return o == g })
}
