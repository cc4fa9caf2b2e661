// Package book keeps who may do what in one file: users, API tokens, publish keys and the
// keys that links are signed with. The file has no secret of a user in it, only hashes;
// what links are signed with is in it, so it is for its owner alone. A server and the
// commands may write it at the same time: each change is made to what the file says then,
// and is there as a whole or not at all.
package book
