// Package acme gets TLS certificates by ACME (RFC 8555) and renews them while the server
// runs. It is the wall around certmagic, which does the work: challenges, storage that
// several processes may share, retries. The authority checks by TLS-ALPN-01 (RFC 8737), on
// the HTTPS listener that there is: no other port is opened, and nothing is asked of the
// handlers behind it.
//
// A connection keeps the certificate that it began with, so that a new one costs no
// session. While the authority cannot be reached, what is in the storage stays in use.
package acme
