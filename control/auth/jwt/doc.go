// Package jwt checks tokens that somebody else has issued (RFC 7519, RFC 8725). Which
// algorithms are good follows from the key alone, never from the token; a token must say
// when it expires, for whom it is, and of which streams it is about. The library checks
// signatures and times; what it leaves open is checked before it sees a token: members
// that stand twice, critical extensions, names in another case.
package jwt
