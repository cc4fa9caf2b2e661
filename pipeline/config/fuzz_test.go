package config

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// FuzzConfig: no text makes the loader panic or linger, and everything that it says
// has a place in the text.
func FuzzConfig(f *testing.F) {
	for _, pattern := range []string{"testdata/broken/*.yaml", "../../configs/*.yaml"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	loader := testLoader(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		start := time.Now()
		file, problems := loader.Load(text, "fuzz.yaml")
		if took := time.Since(start); took > 20*time.Second { // 50 ms, and patience with a busy machine
			t.Errorf("it took %s", took)
		}
		if (file == nil) != (len(problems) > 0) {
			t.Errorf("file %v with %d problems", file != nil, len(problems))
		}
		lines := strings.Count(string(text), "\n") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines || p.Column < 1 || p.Width < 1 || p.Message == "" || p.Caret < 0 {
				t.Errorf("no good place: %+v", p)
			}
		}
		_ = problems.Error()
	})
}

// bombs are texts that cost a YAML parser far more than their size.
func bombs() map[string]string {
	repeat := strings.Repeat
	var aliases strings.Builder
	aliases.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&aliases, "a%d: &a%d [%s*a%d]\n", i, i, repeat(fmt.Sprintf("*a%d, ", i-1), 8), i-1)
	}
	var indented strings.Builder
	for i := range 700 {
		indented.WriteString(repeat(" ", i) + "a:\n")
	}
	return map[string]string{
		"brackets":       repeat("[", 40_000) + repeat("]", 40_000),
		"open brackets":  repeat("[", 80_000),
		"hidden closing": repeat(`["]",`, 50_000),
		"braces":         repeat("{a: ", 20_000) + repeat("}", 20_000),
		"dashes":         repeat("- ", 40_000) + "x",
		"questions":      repeat("? ", 40_000) + "x",
		"tags":           repeat("!a ", 40_000) + "x",
		"anchors":        repeat("&a ", 40_000) + "x",
		"aliases":        aliases.String(),
		"keys":           repeat("a: b\n", 50_000),
		"flow keys":      "{" + repeat("a: b, ", 40_000) + "}",
		"some keys":      repeat("a: b\n", 900),
		"few big maps":   repeat("x:\n"+repeat(" a: b\n", 99), 40),
		"items":          repeat("- a\n", 60_000),
		"indented":       indented.String(),
		"documents":      repeat("---\n", 60_000),
		"comments":       repeat("# a\n", 60_000),
		"quotes":         repeat("'a' ", 60_000),
		"colons":         repeat("a: ", 80_000),
		"words":          repeat("abc ", 60_000),
		"lines":          repeat("abc\n", 60_000),
		"literal":        "a: |\n" + repeat(" abc\n", 50_000),
		"dollars":        "server: {files: '" + repeat("$${A:-", 40_000) + "'}",
		"too long":       repeat("a", 1<<20),
		"long key":       repeat("a", 200_000) + ": b",
	}
}

// TestBombs answers each of them at once and in little memory.
func TestBombs(t *testing.T) {
	loader := testLoader(t)
	for name, text := range bombs() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, problems := loader.Load([]byte(text), "bomb.yaml")
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			allocated := (after.TotalAlloc - before.TotalAlloc) >> 20
			t.Logf("%v, %d MiB, %d problems, first: %s", took, allocated, len(problems), problems[0].Message)
			if len(problems) == 0 {
				t.Error("it loads")
			}
			if allocated > 64 || took > 30*time.Second { // it is 50 ms on a quiet machine; a bomb takes minutes
				t.Errorf("%d MiB in %s", allocated, took)
			}
		})
	}
}
