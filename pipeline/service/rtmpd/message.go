package rtmpd

import "time"

// The types of media messages (section 7.1).
const (
	TypeAudio = 8
	TypeVideo = 9
	// TypeData is a message of AMF 0 values, such as onMetaData; see [DecodeAMF0].
	TypeData = 18
)

// The other message types that are understood (sections 5.4, 6.2 and 7.1).
const (
	typeSetChunkSize     = 1
	typeAbort            = 2
	typeAck              = 3
	typeUserControl      = 4
	typeWindowAckSize    = 5
	typeSetPeerBandwidth = 6
	typeDataAMF3         = 15
	typeCommandAMF3      = 17
	typeCommand          = 20
	typeAggregate        = 22
)

// maxChunkSize is the largest useful chunk size: the largest message, in bytes.
const maxChunkSize = 0xffffff

// defaultChunkSize is in force until SetChunkSize, in bytes (section 5.4.1).
const defaultChunkSize = 128

// Message is one audio, video or data message.
type Message struct {
	// Type is TypeAudio, TypeVideo or TypeData.
	Type uint8
	// Timestamp is the absolute time of the message on the sender's clock in
	// milliseconds. It wraps at 2^32 and starts anywhere.
	Timestamp uint32
	// Payload is the message's body as it was on the wire, never empty: an FLV tag
	// body for audio and video, AMF 0 values for data, of which a leading
	// "@setDataFrame" has been removed. It belongs to the receiver.
	Payload []byte
	// Arrived is when the last byte was read. A client does not use it.
	Arrived time.Time
}

// message is a whole message of any type.
type message struct {
	typ       uint8
	chunk     uint32 // chunk stream ID
	stream    uint32 // message stream ID
	timestamp uint32
	payload   []byte
}
