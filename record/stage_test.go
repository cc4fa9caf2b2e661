package record

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"weir/pipeline/stagetest"
)

func TestStage(t *testing.T) {
	dir := t.TempDir() // outlives the depot
	depot := NewDepot(slog.New(slog.NewTextHandler(t.Output(), nil)), nil)
	t.Cleanup(func() { depot.Close(context.Background()) })
	stagetest.Run(t, Factory(depot), stagetest.Options{Configure: func(t *testing.T, cfg any) {
		t.Helper()
		c := cfg.(*Config)
		c.Store.Dir, c.Spool, c.Reserve = filepath.Join(dir, "store"), filepath.Join(dir, "spool"), 1
		if _, err := depot.open(c); err != nil { // as the announcement does
			t.Fatal(err)
		}
	}})
}
