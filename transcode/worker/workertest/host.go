package workertest

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"weir/transcode/worker"
)

// Main is the TestMain of a package whose tests start workers: it becomes one in the
// processes that are to be workers, and runs the tests in the others, which must leave
// no goroutine behind.
func Main(m *testing.M) {
	if code, done := Become(); done {
		os.Exit(code) //nolint:forbidigo // it is what TestMain does
	}
	goleak.VerifyTestMain(m)
}

// Host is one whose workers are this package's. TestMain must be Main.
func Host(t testing.TB, cfg worker.Config) *worker.Host {
	t.Helper()
	cfg.Path = Program(t)
	return worker.NewHost(cfg)
}
