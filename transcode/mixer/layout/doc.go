// Package layout is the geometry of a mix: where on a canvas each of several pictures
// is shown. It knows numbers of pictures and pixels, and nothing else; all of it is
// functions of their arguments.
package layout
