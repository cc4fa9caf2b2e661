// Package bundle makes an archive of what somebody needs to know who is to help with a
// server: facts, not media, and nothing secret.
//
// Secrets are kept out three times over: configurations are written by types that hide
// them; every text is searched for the secrets that are known; and what looks like one, in
// an address or behind a name such as token, is hidden whatever it is.
package bundle
