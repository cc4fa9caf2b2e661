// Package outgoing opens connections to where a configuration or an API says, and to
// nowhere else: not to this machine, its network or a cloud's metadata service, unless
// the server's configuration allows it. Addresses are judged after DNS, for each
// connection anew, so that no answer of a name server gets around the rules.
package outgoing
