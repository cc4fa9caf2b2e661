// Package platform knows what streaming platforms want: where to push to, and what a
// stream must be like. Both are data with a source and a date, because platforms
// change; a file can take the place of what is built in.
package platform
