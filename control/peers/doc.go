// Package peers is the part of the API about who publishes and who watches: lists of
// sessions, and sending one away.
package peers
