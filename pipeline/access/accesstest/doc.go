// Package accesstest has a Policy for tests: a table of who may what, which can be
// changed while passes are out.
package accesstest
