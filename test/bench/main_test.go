package bench

import (
	"os"
	"testing"
	"time"
)

// The environment of a benchmark, and of the generator that it starts.
const (
	warmupVariable  = "BENCH_WARMUP"
	measureVariable = "BENCH_MEASURE"
	profileVariable = "BENCH_PROFILE"
	loadVariable    = "BENCH_LOAD" // set in the generator's process: what to do
)

// TestMain is also the generator's main: the test binary runs itself.
func TestMain(m *testing.M) {
	if order := os.Getenv(loadVariable); order != "" {
		os.Exit(generate(order, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// span is a duration from the environment.
func span(b *testing.B, variable string, def time.Duration) time.Duration {
	b.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return def
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		b.Fatalf("%s: %v", variable, err)
	}
	return d
}
