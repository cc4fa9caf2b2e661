// Package control is how people and programs see a running server from outside:
// metrics and health; the API is in the packages below. It renders snapshots of the runtime and
// knows no stage by name, so a new kind of stage changes nothing here.
package control
