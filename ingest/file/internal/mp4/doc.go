// Package mp4 reads the sample tables of MP4 files (ISO/IEC 14496-12) for stages
// that play them. The moov box is held in memory and its tables are walked where
// they lie; samples stay on disk until they are asked for. Fragmented files have
// no sample tables and are refused.
package mp4
