package arch

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// source is one parsed file.
type source struct {
	pkg   goPackage
	name  string // below the module
	test  bool
	lines int
	set   *token.FileSet
	tree  *ast.File
}

func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.name, s.set.Position(n.Pos()).Line)
}

func (s source) imports(path string) bool {
	return slices.ContainsFunc(s.tree.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"`+path+`"` })
}

// sources parses the module's files.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	for _, p := range packages(t) {
		for _, name := range slices.Concat(p.GoFiles, p.CgoFiles, p.TestGoFiles, p.XTestGoFiles) {
			content, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			set := token.NewFileSet()
			tree, err := parser.ParseFile(set, name, content, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, source{
				pkg: p, name: p.path() + "/" + name, test: strings.HasSuffix(name, "_test.go"),
				lines: bytes.Count(content, []byte("\n")), set: set, tree: tree,
			})
		}
	}
	return all
}

func TestNames(t *testing.T) {
	banned := regexp.MustCompile(`(?i)^(utils?|common|manager|helpers?|base|misc|types)$|(Manager|Helper|Utils?)$`)
	for _, s := range sources(t) {
		stem := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(s.name), ".go"), "_test")
		if banned.MatchString(s.tree.Name.Name) || banned.MatchString(stem) {
			t.Errorf("%s: a name that says nothing", s.name)
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && banned.MatchString(spec.Name.Name) {
				t.Errorf("%s: type %s: a name that says nothing", s.at(n), spec.Name.Name)
			}
			return true
		})
	}
}

func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "init" && f.Recv == nil {
				t.Errorf("%s: init(): what a package needs is passed to it", s.at(f))
			}
		}
	}
}

// The sizes at which a part is too large to be understood at a glance.
const (
	maxLines   = 450
	maxFields  = 20
	maxMethods = 5
)

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		if s.lines > maxLines {
			t.Errorf("%s has %d lines, more than %d", s.name, s.lines, maxLines)
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.StructType:
				if k := n.Fields.NumFields(); k > maxFields {
					t.Errorf("%s: a struct of %d fields, more than %d", s.at(n), k, maxFields)
				}
			case *ast.InterfaceType:
				if k := n.Methods.NumFields(); k > maxMethods {
					t.Errorf("%s: an interface of %d methods, more than %d", s.at(n), k, maxMethods)
				}
			}
			return true
		})
	}
}

// Only the ground floor, bitstream and each wall's codec.go tell codecs apart:
// otherwise every codec is known to every protocol.
func TestCodecSwitches(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || within(s.pkg.path(), "pipeline/media", "pipeline/bitstream") || filepath.Base(s.name) == "codec.go" {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			sw, ok := n.(*ast.SwitchStmt)
			if ok && slices.ContainsFunc(sw.Body.List, isCodecCase) {
				t.Errorf("%s: a switch over codecs outside of bitstream and codec.go", s.at(n))
			}
			return true
		})
	}
}

func isCodecCase(n ast.Stmt) bool {
	clause, ok := n.(*ast.CaseClause)
	if !ok {
		return false
	}
	found := false
	for _, e := range clause.List {
		ast.Inspect(e, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				x, ok := sel.X.(*ast.Ident)
				name, of := strings.CutPrefix(sel.Sel.Name, "Codec") // not the type itself
				found = found || ok && x.Name == "media" && of && name != ""
			}
			return true
		})
	}
	return found
}

// Tests sleep in bubbles only, where it takes no time and means something. The
// fakes of a package that uses bubbles may be in another file than they are.
func TestNoSleep(t *testing.T) {
	all := sources(t)
	bubbles := make(map[string]bool)
	for _, s := range all {
		if s.imports("testing/synctest") {
			bubbles[s.pkg.ImportPath] = true
		}
	}
	for _, s := range all {
		if !s.test || bubbles[s.pkg.ImportPath] {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
					t.Errorf("%s: time.Sleep outside of synctest", s.at(n))
				}
			}
			return true
		})
	}
}
