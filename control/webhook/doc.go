// Package webhook tells other programs what happens, by HTTP requests that are signed as
// Standard Webhooks (standardwebhooks.com) say.
//
// A [Dispatcher] reads the log of events and has a queue for each endpoint, within which
// the events of one stream stay in order: while one of them is not taken, it is sent again
// and again under the same ID, for a day, and those behind it wait; other streams pass. What
// is waiting is in a journal, so that a restart loses nothing.
//
// Nothing here keeps a stream waiting: the log holds what comes while a disk or an endpoint
// is slow.
package webhook
