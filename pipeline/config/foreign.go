package config

// Tree is a value of a YAML file that is not Weir's own. A nil Tree is one that is not
// there, and may be asked like any other.
type Tree struct{ n *node }

// ReadTree reads a YAML file of another program, within the bounds of our own. There is
// no Tree for a file with nothing in it.
func ReadTree(text []byte, filename string) (*Tree, Problems) {
	clean, f := normalize(text)
	if f != nil {
		return nil, broken(newSource(filename, ""), *f)
	}
	root, faults := parse(clean)
	if len(faults) > 0 {
		return nil, broken(newSource(filename, clean), faults...)
	}
	return tree(root), nil
}

func tree(n *node) *Tree {
	if n == nil {
		return nil
	}
	return &Tree{n}
}

// Keys are those of a mapping in the order of the file; nil of anything else.
func (t *Tree) Keys() []string {
	if t == nil {
		return nil
	}
	var keys []string
	for _, f := range t.n.fields {
		keys = append(keys, f.key)
	}
	return keys
}

// Field is the value of a mapping's key, or nil.
func (t *Tree) Field(key string) *Tree {
	if t == nil {
		return nil
	}
	if f := t.n.field(key); f != nil {
		return tree(f.value)
	}
	return nil
}

// Items are those of a list; nil of anything else.
func (t *Tree) Items() []*Tree {
	if t == nil {
		return nil
	}
	var all []*Tree
	for _, n := range t.n.items {
		all = append(all, tree(n))
	}
	return all
}

// Text is a single value without quotes; "" of anything else.
func (t *Tree) Text() string {
	if t == nil || t.n.kind != scalarKind {
		return ""
	}
	return t.n.text
}

// Line is where the value begins, from 1; 0 if it is not there.
func (t *Tree) Line() int {
	if t == nil {
		return 0
	}
	return t.n.at.line
}
