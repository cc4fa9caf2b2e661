// Package bitstream knows what is inside a coded frame: decoder configurations,
// parameter sets, NAL units and OBUs, key frames, durations, codec strings. It
// knows neither transports nor clocks.
//
// # The normal form
//
// Units on an edge are in the form that media.Unit.Access describes: H.264 and
// H.265 NAL units without length or start code, AV1 OBUs without size field,
// audio one coded frame. Access unit delimiters, filler, temporal delimiters and
// padding are gone. H.264 and H.265 parameter sets are gone from the units too:
// they stand in the decoder configuration, and a set that changes in band makes
// a new configuration ([AU.Params]). An AV1 key unit is the exception: it always
// starts with its sequence header, because ISOBMFF wants it there (AV1 in ISOBMFF
// section 2.4).
//
// # Entry points
//
// Everything takes a [media.Codec], so that callers need no switch over codecs:
// [Parse] checks a decoder configuration, [Params.Split] takes a payload apart,
// [Append] puts a unit together again, [Samples] is a frame's duration and
// [CodecString] its name in RFC 6381. Everything a peer declares is compared with
// [Limits] before anything is allocated for it.
package bitstream
