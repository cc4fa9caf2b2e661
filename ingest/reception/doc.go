// Package reception is what the sources that take publishers have in common, whatever
// they come by: waiting for one ([Await]); the [Chair] in which one sits at a time, as others
// see it; the [Meter] of what it sends, the [Churn] of its tracks and the [Ledger] of all
// that; and the checks of what such a source is configured with.
package reception
