package whep

import "time"

// bucket is the pacer of one viewer: a token bucket in bytes. Sound passes without.
type bucket struct {
	rate   int64 // bytes a second
	tokens int64
	filled time.Time
}

const (
	// bucketTime is how much of its rate a bucket holds, at least bucketLeast bytes, the
	// 64 packets that the kernel takes in one message: what leaves at once. Nearly all
	// pictures do. One that does not costs several times as much, since its pieces leave
	// for each viewer by itself.
	bucketTime  = 50 * time.Millisecond
	bucketLeast = 64 * 1500
)

func (b *bucket) depth() int64 {
	return max(bucketLeast, b.rate*int64(bucketTime)/int64(time.Second))
}

// fill adds what has become free since the last time.
func (b *bucket) fill(now time.Time) {
	d := now.Sub(b.filled)
	if b.filled.IsZero() || d > time.Second {
		d = time.Second
	}
	if more := b.rate * int64(d) / int64(time.Second); more > 0 {
		b.tokens = min(b.tokens+more, b.depth())
		b.filled = now
	}
}

// take lets bytes pass, all or nothing. A picture larger than the bucket never
// passes: it is cut into pieces.
func (b *bucket) take(bytes int64, now time.Time) bool {
	if b.tokens < b.depth() {
		b.fill(now)
	} else {
		b.filled = now
	}
	if b.tokens < bytes {
		return false
	}
	b.tokens -= bytes
	return true
}
