// Package canary plants secrets wherever a configuration takes one, and looks for them in
// what a server says.
package canary
