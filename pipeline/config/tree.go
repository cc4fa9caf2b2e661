package config

import "strconv"

// kind is the shape of a node.
type kind uint8

const (
	nullKind kind = iota
	scalarKind
	listKind
	mappingKind
)

// String names the kind for a message: "expected a list, found a mapping".
func (k kind) String() string {
	switch k {
	case nullKind:
		return "nothing"
	case scalarKind:
		return "a single value"
	case listKind:
		return "a list"
	case mappingKind:
		return "a mapping"
	default:
		return "something else"
	}
}

// place is a stretch of the source: line and column count from 1, columns and
// width in characters.
type place struct{ line, column, width int }

// node is one value of a parsed file. Nodes that an alias repeats are shared.
type node struct {
	kind   kind
	at     place
	text   string  // of a scalar, without quotes
	plain  bool    // the scalar has no quotes
	block  bool    // the scalar starts with | or > and stands on the lines below
	fields []field // of a mapping
	items  []*node // of a list
	weight int     // nodes in it, aliases expanded
}

// field is one key of a mapping with its value.
type field struct {
	key   string
	at    place
	value *node
}

// field is the entry of a key, or nil.
func (n *node) field(key string) *field {
	if n == nil {
		return nil
	}
	for i := range n.fields {
		if n.fields[i].key == key {
			return &n.fields[i]
		}
	}
	return nil
}

// point is where a caret for this entry goes: its value if it is a scalar that
// stands on a line, otherwise its key.
func (f *field) point() place {
	if f.value.kind == scalarKind {
		return f.value.at
	}
	return f.at
}

// find walks a path such as "from[0].queue.hold" as deep as it leads, and gives
// the place to point at: a value if it is a scalar, otherwise its key. start is the
// place of n itself.
func (n *node) find(path string, start place) place {
	at := start
	for n != nil && path != "" {
		step, rest := splitPath(path)
		path = rest
		if i, isIndex := index(step); isIndex {
			if n.kind != listKind || i >= len(n.items) {
				continue // a list of one may be written without the list
			}
			n = n.items[i]
			at = n.at
			continue
		}
		f := n.field(step)
		if f == nil {
			break
		}
		n, at = f.value, f.point()
	}
	return at
}

// splitPath takes the first step off a path: a key, or an index in brackets.
func splitPath(path string) (step, rest string) {
	for i := 1; i < len(path); i++ {
		switch path[i] {
		case '.':
			return path[:i], path[i+1:]
		case '[':
			return path[:i], path[i:]
		case ']':
			rest = path[i+1:]
			if rest != "" && rest[0] == '.' {
				rest = rest[1:]
			}
			return path[:i+1], rest
		}
	}
	return path, ""
}

func index(step string) (int, bool) {
	if len(step) < 3 || step[0] != '[' || step[len(step)-1] != ']' {
		return 0, false
	}
	i, err := strconv.Atoi(step[1 : len(step)-1])
	return i, err == nil && i >= 0
}
