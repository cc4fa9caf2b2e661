package worker_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"weir/transcode/worker/workertest"
)

func TestMain(m *testing.M) {
	if code, done := workertest.Become(); done {
		os.Exit(code)
	}
	goleak.VerifyTestMain(m)
}
