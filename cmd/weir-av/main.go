//go:build libav && cgo

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

	"weir/transcode/process"
	"weir/transcode/worker/seal"
)

// socketFD is where the server puts the worker's end of the socket.
const socketFD = 3

func main() {
	if len(os.Args) > 1 {
		if os.Args[1] != "--version" {
			fmt.Fprintln(os.Stderr, "weir-av is started by weir; by hand there is only --version")
			os.Exit(2)
		}
		if err := json.NewEncoder(os.Stdout).Encode(process.Capabilities(build())); err != nil {
			os.Exit(1)
		}
		return
	}
	if err := work(); err != nil {
		fmt.Fprintf(os.Stderr, "weir-av: %v\n", err)
		os.Exit(1)
	}
}

// work serves the server at the other end of the socket until it is gone. What it does
// in Go is little, and libav's threads are not counted: more processors for Go would
// spend a tenth of the time on handing goroutines from one to the other.
func work() error {
	runtime.GOMAXPROCS(1)
	f := os.NewFile(socketFD, "server")
	if f == nil {
		return errors.New("descriptor 3 is no socket: weir-av is started by weir")
	}
	c, err := net.FileConn(f)
	if err != nil {
		return fmt.Errorf("descriptor 3 is no socket: weir-av is started by weir: %w", err)
	}
	_ = f.Close() // FileConn has made a copy
	defer c.Close()
	if err := seal.Process(); err != nil {
		fmt.Fprintf(os.Stderr, "weir-av: %v\n", err) // as it is on kernels that cannot
	}
	return process.Serve(c)
}
