package media

// Feedback is what a consumer tells its producer, against the flow of media. The
// set of implementations is closed. A producer that cannot act on it ignores it.
type Feedback interface{ feedback() }

// KeyframeRequest asks for a key unit of one layer of one video track, as soon as
// the source can make one (RFC 4585 section 6.3.1, RFC 5104 section 4.3.1).
type KeyframeRequest struct {
	Track TrackID
	Layer int8
}

// BitrateHint says how much of a layer the consumers can take, in bit/s; 0 is that
// none of them has a limit any more.
type BitrateHint struct {
	Track   TrackID
	Layer   int8
	Bitrate int64
}

// LayerHint says whether anybody consumes a layer at present. A source that can
// pause a layer may do so while Wanted is false. A consumer that has given none for a
// layer takes it.
type LayerHint struct {
	Track  TrackID
	Layer  int8
	Wanted bool
}

func (KeyframeRequest) feedback() {}
func (BitrateHint) feedback()     {}
func (LayerHint) feedback()       {}
