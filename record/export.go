package record

import (
	"context"

	"weir/pipeline/service/store"
	"weir/record/film"
	"weir/record/spool"
)

// Exports are the MP4 files that a recording becomes: one, if one can hold it.
func Exports(ctx context.Context, s store.Store, m *spool.Manifest) ([]spool.Export, error) {
	films, err := film.Plan(ctx, s, m, film.Options{})
	if err != nil {
		return nil, err
	}
	files := make([]spool.Export, 0, len(films))
	for i, f := range films {
		n := i + 1
		if len(films) == 1 {
			n = 0
		}
		files = append(files, spool.Export{Name: spool.ExportName(n), Body: f, Size: f.Size()})
	}
	return files, nil
}
