// Package file is a source that plays an MP4 or FLV file as a live stream, at the
// file's own pace, over and over.
//
// A pass lasts as long as the picture does, or the sound where there is no
// picture or where it is more than a second longer. From one pass to the next the
// pictures keep their cadence, and units of sound go on following each other to
// the sample: the unit of the new pass that is nearest to the end of the old one
// comes next, so that sound and picture are never further apart than half a unit
// from where the file has them, however long it plays. Where sound ends less than
// a quarter of a second before the picture, its last unit is repeated. The seam is
// not marked as a discontinuity: codecs and clocks stay the same, and every pass
// begins with a key unit as the first one did.
//
// Edit lists are obeyed in so far as they shift a track or cut its beginning.
// Files are opened beneath one directory (os.Root), whatever their names say, and
// read as they play: only an MP4 file's moov box is held in memory.
package file
