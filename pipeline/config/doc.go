// Package config reads Weir's YAML files. It turns a file into checked plans and
// server settings, or into all that is wrong with it at once: every [Problem] has
// a line, a column, the line itself with a caret, and what to do.
//
// The way of a file: its size and nesting are bounded before any parser sees it
// (limits.go); the YAML library parses it into a tree of our own (yaml.go, its only
// importer; tree.go); the tree is decoded into structs by reflection over their
// `yaml` tags, strictly, with ${ENV} expanded inside scalars (decode.go, scalar.go,
// expand.go); pipelines become definitions (pipelines.go), which package pipeline
// plans; what it finds wrong is mapped back to places in the file (place.go).
//
// What the environment says goes before what the file says: WEIR_SERVER__HTTP__LISTEN
// is server.http.listen (override.go).
//
// The same structs and specs yield the JSON Schema (schema.go). A configuration
// struct gives every exported field two tags: `yaml:"snake_case"` and `doc:"…"`;
// and `enum:"a,b"` for a string that is one of a few words.
package config
