// Package rest is what all resources of the API have in common: the document that
// describes it (OpenAPI 3.1), errors (RFC 9457), who asks and what he may, and lists in
// pages. The resources themselves are beside it, each with a function that registers its
// operations.
package rest
