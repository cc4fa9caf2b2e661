// Package access is the one question that every door of the server asks, whatever is
// spoken there: may this peer do this to this stream? Stages ask a [Policy]; what it
// knows of keys, tokens and people is none of their business.
package access
