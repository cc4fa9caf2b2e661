//go:build e2e

package access

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of docs/verification.md anew")

// The table of the documentation stands between these.
const (
	tableFile  = "../../docs/verification.md"
	tableBegin = "<!-- identities -->\n"
	tableEnd   = "<!-- /identities -->\n"
)

// table compares what was let in with the table of the documentation, or writes that.
func table(t *testing.T, said map[[2]string]map[string]bool, papers []paper) {
	t.Helper()
	var kinds, protocols []string
	for _, p := range papers {
		if p.state == right && !slices.Contains(kinds, p.kind) {
			kinds = append(kinds, p.kind)
		}
	}
	var b strings.Builder
	b.WriteString("\n| |")
	for _, e := range entries() {
		if !slices.Contains(protocols, e.protocol) {
			protocols = append(protocols, e.protocol)
			b.WriteString(" " + e.protocol + " |")
		}
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(protocols)) + "\n")
	for _, kind := range kinds {
		b.WriteString("| " + kind + " |")
		for _, protocol := range protocols {
			var places []string
			for place := range said[[2]string{protocol, kind}] {
				places = append(places, place)
			}
			slices.Sort(places)
			b.WriteString(" " + strings.Join(places, ", ") + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	text, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), tableBegin)
	is, after, ok := strings.Cut(rest, tableEnd)
	switch {
	case !ok:
		t.Error("the documentation has no place for the table")
	case *update && !t.Failed():
		if err := os.WriteFile(tableFile, []byte(before+tableBegin+b.String()+tableEnd+after), 0o644); err != nil { //nolint:gosec // a document
			t.Error(err)
		}
	case is != b.String():
		t.Errorf("docs/verification.md has another table (go test -tags e2e ./test/access -run Identities -update):\n%s", b.String())
	}
}
