// Package desired holds what should run: the configuration file in force, what was added
// and stopped while the server runs, and the versions before.
//
// The file is the operator's and is only written when somebody says so through the API.
// What is added at run time is kept in a state file beside it, in the same words, and
// makes a derived definition of the pipeline that serves the stream: its stages and the
// added ones, bound to the one path (live/{name=studio}). What did not change in going
// from one to the other is not touched.
package desired
