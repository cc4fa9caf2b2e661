// Package whep serves a stream to WebRTC viewers, who come by WHEP
// (draft-ietf-wish-whep): an offer is posted to …/whep and answered with all that
// this end will ever say; the session is a resource of its own.
//
// # The way of a packet
//
// The stage's goroutine reads its input into a feed: for each layer of each track a
// flow, a ring of the newest packets that any number of goroutines read without
// locks. Payloads are shared by all viewers, for the first transmission as for any
// other, and by those who join.
//
// Viewers are spread over a few shards. A shard is one goroutine with one way out
// (package egress); it has a place in each flow and sends what is new to all who
// follow it, a picture to one viewer after the other, so that each viewer's packets
// leave in one batch. Its own timer, feedback and commands from HTTP are served in
// between: nothing of a viewer has a goroutine, a queue or a timer of its own.
//
// An offer is answered if the policy lets its sender watch; the shard ends his session when
// that permission ends. Nothing of it is in the session's address.
//
// # Standing
//
// A viewer is live on a flow, or trails it with a place of his own, or waits for a
// key picture. He trails while he catches up from the key picture that was held when
// he came, while his pacer lets a large picture out in pieces, and for a moment
// before he changes to another layer. Who trails by more than half a second is
// skipped to a key picture; so nothing is ever queued for anybody, whatever his path
// does. Sound does not wait for pictures, nor for the pacer.
//
// # Layers
//
// Ten times a second a ladder chooses each viewer's layer by what his path takes
// (package estimate), unless he has chosen himself: by ?layer= in the POST, or at
// the session's layer resource, to which a Link header leads (GET lists the layers,
// POST {"encodingId": "hd"} chooses, "auto" takes it back). To find out whether more
// would get through, packets are sent twice. Layers change at key pictures.
package whep
