// Package top shows what a server does as a table, once or again and again: its streams,
// who watches, what each output is doing, what is dropped, and the newest events. It asks
// the API once a second and draws with nothing but ANSI escape sequences.
package top
