// Package draw shows plans: as text for people and golden tests, as Mermaid and
// Graphviz DOT for documents, and as JSON for programs. It shows what the planner
// made of a definition, with every conversion that it inserted and why.
package draw
