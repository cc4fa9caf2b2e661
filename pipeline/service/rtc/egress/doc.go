// Package egress serves plain WHEP viewers without a PeerConnection each: one
// ICE-lite endpoint on sockets that all viewers share, with SRTP encrypted
// straight into the batch that leaves by one system call.
//
// # Who calls what
//
// Package service/rtc owns the sockets. It attaches each to the [Engine] once and
// offers every datagram to [Socket.Handle], from any number of reading goroutines;
// what the engine does not know is for others. TCP connections whose first frame
// carries a ufrag of ours ([Ufrag], [Engine.Owns]) go to [Engine.HandleTCP].
// [Engine.Run] is the only goroutine that the engine needs in the long run: it
// ends sessions that no longer give consent (RFC 7675) or never began.
//
// Package outputs/whep owns shards. A shard is one goroutine with one [Sender];
// everything that a Sender and its streams do happens there, without locks. HTTP
// handlers call [Sender.Open] from their own goroutines; the shard learns of the
// session when it is connected, by an [Event]. Feedback of all viewers is polled
// in bulk:
//
//	for {
//		select {
//		case <-sender.Wake(): // or media, or a ticker of at most 100 ms
//		}
//		for _, ev := range sender.Poll() { … }
//		sender.Send(frame, streams) // the frame's packets, to each viewer
//		sender.Flush()
//	}
//
// # What is per viewer
//
// SSRC, payload type, sequence numbers and timestamps, header extensions and SRTP.
// Payloads are shared: retransmissions (RFC 4585, RFC 4588) are made anew from the
// stream's [History]. A viewer costs no goroutine, no timer and, per packet, no
// allocation; during its DTLS handshake it has a few goroutines, and the number of
// handshakes at a time is bounded. A viewer over TCP (RFC 4571, RFC 6544) has two
// goroutines for its connection.
//
// # What strangers can do
//
// Nothing that is not signed with a session's ICE password is answered, so the
// engine amplifies nothing. DTLS and SRTCP are looked at only when they come from
// an address that such a check has validated. A session that is not connected in
// time is forgotten, their number is bounded, in all and per client.
//
// The standards: ICE-lite RFC 8445, STUN RFC 8489, consent RFC 7675, DTLS-SRTP RFC
// 5764, SRTP RFC 3711 and RFC 7714, feedback RFC 4585 and RFC 5104, transport-wide
// feedback draft-holmer-rmcat-transport-wide-cc-extensions-01, REMB
// draft-alvestrand-rmcat-remb-03.
package egress
