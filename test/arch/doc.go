// Package arch holds the tests of the architecture: who may import whom, which
// library stands behind which wall, and the house rules that a linter does not
// know. A failing test names the rule; the tables in its files are the rules.
package arch
