package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// converter turns the YAML library's tree into ours.
type converter struct {
	anchors map[string]*node
	faults  []fault
}

func (c *converter) fault(at place, help, format string, args ...any) *node {
	c.faults = append(c.faults, fault{at, fmt.Sprintf(format, args...), help})
	return &node{at: at, weight: 1}
}

func (c *converter) convert(n ast.Node, depth int) *node {
	if n == nil {
		return &node{at: place{1, 1, 1}, weight: 1}
	}
	t := n.GetToken()
	if depth > 2*maxDepth {
		return c.fault(at(t), "flatten it", "this is nested too deep")
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return c.mapping(n, depth)
	case *ast.MappingValueNode:
		m := &node{kind: mappingKind, at: at(n.Key.GetToken()), weight: 1}
		c.entry(m, n, depth)
		return m
	case *ast.SequenceNode:
		l := &node{kind: listKind, at: at(t), weight: 1}
		for _, v := range n.Values {
			item := joined(v)
			if item == nil {
				item = c.convert(v, depth+1)
			}
			l.items = append(l.items, item)
			c.add(l, item)
		}
		return l
	case *ast.AnchorNode:
		v := c.convert(n.Value, depth+1)
		c.anchors[n.Name.GetToken().Value] = v // only now: an alias inside it is unknown
		return v
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		if v := c.anchors[name]; v != nil {
			return v
		}
		return c.fault(at(t), "mark the value that it repeats with &"+name+", further up", "there is no anchor &%s", name)
	case *ast.NullNode:
		return &node{kind: nullKind, at: at(t), weight: 1}
	case *ast.LiteralNode:
		return c.scalar(&node{kind: scalarKind, at: at(n.Start), text: n.Value.Value, block: true, weight: 1})
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		quoted := t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType
		if !quoted && strings.Contains(t.Value, ": ") { // the library lets it pass between braces
			return c.fault(at(t), "quote the value, or put a comma before the next key", "there is a second colon in this value")
		}
		return c.scalar(&node{kind: scalarKind, at: at(t), text: t.Value, plain: !quoted, weight: 1})
	default:
		return c.fault(at(t), "write a plain value, a list or a mapping", "this kind of YAML is not used here")
	}
}

func (c *converter) scalar(n *node) *node {
	if len(n.text) > maxText {
		return c.fault(n.at, "shorten it", "this value has %d bytes, the limit is %d", len(n.text), maxText)
	}
	return n
}

// joined undoes a mistake of the library: a list inside braces that holds env:NAME,
// without a space, comes as a list of mappings. It returns nil for anything else.
func joined(n ast.Node) *node {
	m, ok := n.(*ast.MappingNode)
	if !ok || len(m.Values) != 1 || m.Start.Type == token.MappingStartType {
		return nil
	}
	key, okKey := m.Values[0].Key.(*ast.StringNode)
	value := m.Values[0].Value
	if !okKey || key.Token.Type != token.StringType || value == nil || value.GetToken().Type == token.MappingValueType {
		return nil
	}
	colon, v := m.Values[0].Start.Position, value.GetToken()
	if v.Type == token.ImplicitNullType || v.Position.Line != colon.Line || v.Position.Column != colon.Column+1 {
		return nil
	}
	where := at(key.Token)
	where.width += 1 + at(v).width
	return &node{kind: scalarKind, at: where, text: key.Token.Value + ":" + v.Value, plain: true, weight: 1}
}

func (c *converter) mapping(n *ast.MappingNode, depth int) *node {
	m := &node{kind: mappingKind, at: at(n.Start), weight: 1}
	for _, v := range n.Values {
		c.entry(m, v, depth)
	}
	if len(m.fields) > 0 && !n.IsFlowStyle {
		m.at = m.fields[0].at
	}
	return m
}

func (c *converter) entry(m *node, v *ast.MappingValueNode, depth int) {
	t := v.Key.GetToken()
	switch v.Key.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode, *ast.InfinityNode, *ast.NanNode:
	case *ast.MergeKeyNode:
		c.fault(at(t), "write the keys out, or repeat a whole value with an alias", "merge keys (<<) are not used here")
		return
	default:
		c.fault(at(t), "write a plain word as key", "this is no key")
		return
	}
	if len(t.Value) > maxText {
		c.fault(at(t), "shorten it", "this key has %d bytes, the limit is %d", len(t.Value), maxText)
		return
	}
	value := c.convert(v.Value, depth+1)
	if first := m.field(t.Value); first != nil {
		c.fault(at(t), "remove one of them", "the key %q stands twice in this mapping, first in line %d", t.Value, first.at.line)
		return
	}
	if value.kind == nullKind {
		value.at = at(t)
	}
	m.fields = append(m.fields, field{key: t.Value, at: at(t), value: value})
	c.add(m, value)
}

// add accounts for a child. What grows too heavy by aliases is cut off.
func (c *converter) add(parent, child *node) {
	parent.weight += child.weight
	if parent.weight <= maxWeight {
		return
	}
	if len(c.faults) == 0 {
		c.fault(child.at, "write the values out", "aliases make this more than %d values", maxWeight)
	}
	*parent = node{at: parent.at, weight: 1}
}
