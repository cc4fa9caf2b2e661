package worker_test

import (
	"testing"

	"weir/transcode/worker/workertest"
)

func TestMain(m *testing.M) { workertest.Main(m) }
