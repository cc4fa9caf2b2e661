// Package password keeps passwords as argon2id hashes (RFC 9106), in the form that other
// programs write, too: $argon2id$v=19$m=19456,t=2,p=1$salt$hash.
package password
