package egress

// Stream is one RTP stream of a session, for the goroutine of the shard.
type Stream struct{ session *Session }

// Session is the session that the stream belongs to.
func (st *Stream) Session() *Session { return st.session }

// Skip says that the units that Send gets next do not follow those before: the
// owner has left some out on purpose, and the viewer shall not ask for them.
func (st *Stream) Skip() {}
