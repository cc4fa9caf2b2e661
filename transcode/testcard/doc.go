// Package testcard is what is known of the test card beyond the worker that draws it:
// the bar code of the frame's number, for whoever measures a latency, a loss or the
// skew between picture and sound in what comes out at the end.
//
// The code is a band along the lower edge of the picture, an eighth of its height. It
// has [Cells] cells of the same width, dark or light: light, dark, light, dark, then
// the 28 bits of the number and 8 bits of a check sum, the highest first. It survives
// scaling and lossy coding as long as a cell is a few pixels wide.
package testcard
