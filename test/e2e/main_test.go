//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"testing"
)

// TestMain says so at once where what all tests need is not there.
func TestMain(m *testing.M) {
	for _, file := range []string{"../../bin/weir", "node_modules/.installed"} {
		if _, err := os.Stat(file); err != nil {
			fmt.Fprintf(os.Stderr, "test/e2e: %v\nhelp: make ready builds the server and installs the browser's driver\n", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}
