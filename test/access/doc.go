// Package access tries every kind of credential at every door, by the real protocols: who
// is let in, who is not, and what those are told. The tests need the build tag e2e. They
// run in a network namespace of their own, which has a second address, so that there is
// somebody who does not come from the server's own machine.
//
// What credentials there are, and what each is worth, is a table ([world] in the tests),
// so that any access.Policy can be put to the same test.
package access
