package rtmpd

// Flow says how far what a Client wrote has got.
type Flow struct {
	// Sent is how many bytes were handed to the system, without TLS.
	Sent uint64
	// Arrived is how many bytes, with TLS, the peer's system has acknowledged. It stays
	// 0 where our system does not say.
	Arrived uint64
	// Waiting is whether the system holds bytes that were not acknowledged.
	Waiting bool
	// Heard counts the acknowledgements of the peer's program (section 5.4.3). Not
	// every peer sends them.
	Heard uint64
}

// Flow is a snapshot. Any goroutine may call it.
func (c *Client) Flow() Flow {
	f := Flow{Sent: c.link.sent.Load(), Heard: c.link.heard.Load()}
	socketFlow(c.raw, &f)
	return f
}

// heardEvery is how often the server is asked to acknowledge, in bytes: often enough
// for a slow stream to show within a few seconds that its program reads.
const heardEvery = 128 << 10
