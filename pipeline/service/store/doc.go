// Package store keeps objects: in a directory, or in a bucket of an S3-compatible
// service. It is the only importer of minio-go.
//
// An object is put as a whole, with a size and a SHA-256 that are known before, and is
// there only once that has been verified. Every call has a deadline of its own, tries
// once, and says in words what to do when it fails: who calls has a queue, and knows
// better than a library when to try again. Nothing is ever sent in parts, so that no
// parts of anything can be left behind.
package store
