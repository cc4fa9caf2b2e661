// Package observe watches the running streams and says what goes on: what flows over
// each edge, what is stalled and why, and what has changed.
//
// An [Observer] takes a [Sample] once in a second from the runtime's snapshots, which is
// all that it costs the streams. What has happened is in a [Log] of events, which come
// from two sides: milestones, which stages and the runtime tell of the moment they
// happen, and what the Observer sees to have changed between two samples.
//
// No stage is known by name here.
package observe
