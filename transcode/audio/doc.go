// Package audio is the stage that codes sound anew: AAC and MP3 as Opus for browsers,
// Opus and MP3 as AAC for everybody else. Each audio track is converted; pictures, and
// tracks that are as they shall be already, pass untouched. A worker runs only while
// there is something to convert (package transcode/worker).
//
// The planner inserts it as ~opus and as ~aac in front of consumers that do not take
// what comes. Then it converts the codecs that such a consumer lacks, and no others.
//
// Opus is made in frames of 20 ms at 48 kHz (RFC 7587 section 4), with an OpusHead of
// RFC 7845 section 5.1; AAC is AAC-LC of 1024 samples a frame (ISO/IEC 14496-3).
package audio
