// Package resttest asks an API and holds every answer against the document that
// describes it.
package resttest
