package main

import (
	"log/slog"
	"os"

	"weir/pipeline/config"
)

// newLog makes the log that a file asks for.
func newLog(l config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.Level)) // config has checked it
	opts := &slog.HandlerOptions{Level: level}
	if l.Format == "text" || (l.Format == "auto" && terminal(os.Stderr)) {
		return slog.New(slog.NewTextHandler(os.Stderr, opts))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, opts))
}

func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
