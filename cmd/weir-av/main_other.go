//go:build !libav || !cgo

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "weir-av was built without libav: build it with `make build`")
	os.Exit(1)
}
