// Package wire is the protocol between the server and a worker that transcodes for
// it, over one inherited stream socket. Both ends are built from the same source;
// the version is for the day on which they are not.
//
// # Frames
//
// A frame is a length of 4 bytes, big endian, of what follows; one byte of type; and
// a body. Lengths have a bound for each type, which is checked before anything is
// allocated. Both ends begin with a Hello and say nothing before it.
//
//	type        body                                        server → worker     worker → server
//	1 Hello     "weir", version u16                         first               first
//	2 Job       JSON                                        second, once        —
//	3 Tracks    JSON: a whole media.TrackSet                what comes          what comes
//	4 Unit      binary, see below                           one access unit     one access unit
//	5 Keyframe  track u16, layer i8                         make a key unit     let the source make one
//	6 Control   JSON                                        change a layer      —
//	7 Log       JSON                                        —                   a line for the log
//	8 Stats     JSON                                        —                   once a second
//	9 End       JSON                                        no more input       all is flushed, or why not
//	10 Scene    JSON: a whole Scene                         what is shown       —
//	11 Sprite   binary, see below                           a small picture     —
//	12 Levels   JSON                                        —                   how loud the inputs are
//
// # Units
//
// A Unit is, big endian: track u16, layer i8, flags u8 (media.Flags and Preroll), PTS i64, DTS
// i64, Capture i64, Arrived i64, pieces u16, and for each piece its length u32 and its
// bytes. Times are ticks of the track's clock, Capture and Arrived nanoseconds since
// 1970 or 0 if unknown. track is an index into the Tracks that the same side sent
// last. What follows the number of pieces is, for H.264 and H.265, a sample with
// lengths of 4 bytes as in an MP4 file (ISO/IEC 14496-15 section 4.3.2).
//
// A Keyframe's track is an index into the Tracks that the other side sent last: it
// asks for what that side sends. It is a wish, and ignored if there is no such track.
//
// A Sprite is, big endian: id u16, width u16, height u16, and for each pixel, row by row,
// a byte of red, of green, of blue and of opacity, not premultiplied.
//
// # Order of things
//
// The server sends Hello, Job, Tracks, then Units and new Tracks as they come, then
// End. Scenes and Sprites may come at any time after the Job; a Scene may name tracks
// and sprites that have not come yet. Only tracks that the job converts are sent. The worker answers with Hello,
// then, as soon as it knows what it will make of a track, with Tracks, whose tracks
// have the IDs of what they were made of, but for those of a Mix; then Units and new Tracks; at the end, when
// all is flushed, End. A worker that cannot do what it is asked, whatever happens,
// says why in an End at once. Whoever reads something that is not of this protocol
// ends the connection.
package wire
