// Package control is how people and programs see a running server from outside:
// metrics, health and the list of streams. It renders snapshots of the runtime and
// knows no stage by name, so a new kind of stage changes nothing here.
package control
