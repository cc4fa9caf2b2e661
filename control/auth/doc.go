// Package auth decides who may do what. It is the one place that does: [Auth] is the
// access.Policy that every door asks, whatever is spoken there, and the rest.Guard of the
// API, and registers the API's operations on sessions, users, tokens, keys and links. What
// it keeps is in package book; passwords, JWTs, links and the operator's own service are in
// packages beside it.
//
// Nobody from another machine may do anything before somebody has set the server up. Then
// people sign in and get a session (a cookie), programs show a token or a JWT, publishers
// show a key, and viewers a link, a token, a JWT or a session. A permission is withdrawn by
// closing the Over of its access.Pass, at the latest a second after what it rested on has
// been removed, wherever that was done.
package auth
