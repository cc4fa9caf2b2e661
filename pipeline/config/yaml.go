package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// parse turns YAML text that normalize has passed into a tree. This file is all
// that knows the YAML library. The node is nil for a file with nothing in it.
func parse(text string) (root *node, wrong []fault) {
	tokens := lexer.Tokenize(text)
	if f := bounded(tokens); f != nil {
		return nil, []fault{*f}
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, []fault{syntaxFault(err)}
	}
	var body ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case body != nil:
			return nil, []fault{{at(doc.Start), "a second document begins here", "keep one document in a file: remove the line ---"}}
		default:
			body = doc.Body
		}
	}
	if body == nil {
		return nil, nil
	}
	c := converter{anchors: make(map[string]*node)}
	root = c.convert(body, 0)
	return root, c.faults
}

func syntaxFault(err error) fault {
	f := fault{place{1, 1, 1}, err.Error(), "check brackets, commas and indentation; quote a value with signs in it, also \"${NAME}\" inside { } or [ ]"}
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		f.message = "this is not YAML: " + syntax.Message
		if syntax.Token != nil {
			f.at = at(syntax.Token)
		}
	}
	f.message, _, _ = strings.Cut(f.message, "\n")
	if strings.Contains(f.message, "'\t'") {
		f.message, f.help = "this is not YAML: a tab cannot indent", "indent with spaces"
	}
	return f
}

// at is where a token stands.
func at(t *token.Token) place {
	p := place{1, 1, 1}
	if t == nil || t.Position == nil {
		return p
	}
	p.line, p.column = max(t.Position.Line, 1), max(t.Position.Column, 1)
	line, _, _ := strings.Cut(strings.TrimSpace(t.Origin), "\n")
	p.width = max(utf8.RuneCountInString(line), 1)
	return p
}

// bounded checks what the parser's cost depends on.
func bounded(tokens token.Tokens) *fault {
	if len(tokens) > maxTokens {
		return &fault{at(tokens[maxTokens]), fmt.Sprintf("the file has more than %d words and signs", maxTokens), "split it"}
	}
	var n nesting
	for _, t := range tokens {
		switch t.Type { //nolint:exhaustive // the others do not nest
		case token.SequenceStartType, token.MappingStartType:
			n.open()
		case token.SequenceEndType, token.MappingEndType:
			n.closeFlow()
		case token.MappingKeyType:
			return &fault{at(t), "keys that start with ? are not used here", "write `key: value`"}
		case token.TagType:
			return &fault{at(t), "tags such as " + t.Value + " are not used here", "remove it; quote the value to make it a text"}
		case token.DirectiveType:
			return &fault{at(t), "directives are not used here", "remove the line"}
		case token.MappingValueType:
			n.key(keyColumn(t))
		case token.SequenceEntryType:
			n.key(t.Position.Column)
		}
		if n.depth() > maxDepth {
			return &fault{at(t), fmt.Sprintf("this is nested more than %d deep", maxDepth), "flatten it"}
		}
		if n.keys() > maxKeys {
			return &fault{at(t), fmt.Sprintf("this mapping or list has more than %d entries", maxKeys), "split it"}
		}
	}
	return nil
}

func keyColumn(colon *token.Token) int {
	if colon.Prev != nil && colon.Prev.Position.Line == colon.Position.Line {
		return colon.Prev.Position.Column
	}
	return colon.Position.Column
}

// nesting follows tokens through lists and mappings.
type nesting struct{ frames []frame }

// frame is one open list or mapping. A block list may share its parent's column
// and then its frame, which makes the depth exact to a factor of two.
type frame struct {
	flow    bool
	column  int
	entries int
}

func (n *nesting) open() { n.frames = append(n.frames, frame{flow: true}) }

func (n *nesting) closeFlow() {
	for i, f := range slices.Backward(n.frames) {
		if f.flow {
			n.frames = n.frames[:i]
			return
		}
	}
}

func (n *nesting) key(column int) {
	for len(n.frames) > 0 {
		top := &n.frames[len(n.frames)-1]
		if top.flow || top.column == column {
			top.entries++
			return
		}
		if top.column < column {
			break
		}
		n.frames = n.frames[:len(n.frames)-1]
	}
	n.frames = append(n.frames, frame{column: column, entries: 1})
}

func (n *nesting) depth() int { return len(n.frames) }

func (n *nesting) keys() int {
	if len(n.frames) == 0 {
		return 0
	}
	return n.frames[len(n.frames)-1].entries
}
