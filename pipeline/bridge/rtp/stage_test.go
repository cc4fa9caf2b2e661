package rtp

import (
	"testing"

	"go.uber.org/goleak"

	"weir/pipeline/stagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStage(t *testing.T) { stagetest.Run(t, Factory(), stagetest.Options{}) }
