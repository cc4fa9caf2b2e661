package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"weir/cmd/load"
)

// order is what a generator is to do; one of the three.
type order struct {
	Publishers *load.Publishers
	Studios    *load.Studios
	Players    *load.Players
}

// report is what it has done.
type report struct {
	Published load.Published
	Watched   load.Watched
}

// ready is the line by which a generator says that all load is there.
const ready = "ready"

// generate is the generator's process: it makes load until standard input ends, and
// writes a report. The result is an exit status.
func generate(text string, in io.Reader, out, errs io.Writer) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	var (
		o   order
		r   report
		err = json.Unmarshal([]byte(text), &o)
	)
	live := sync.OnceFunc(func() { fmt.Fprintln(out, ready) })
	switch {
	case err != nil:
	case o.Publishers != nil:
		r.Published, err = o.Publishers.Run(ctx, live)
	case o.Studios != nil:
		r.Published, err = o.Studios.Run(ctx, live)
	case o.Players != nil:
		r.Watched, err = o.Players.Run(ctx, live)
	}
	if err == nil {
		err = json.NewEncoder(out).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(errs, "generator:", err)
		return 1
	}
	return 0
}

// generator is a running one.
type generator struct {
	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{} // closed when its output has
	last  string        // what it wrote at last; read it after ended
}

// load starts a generator, and returns when all load is there.
func (s *server) load(b *testing.B, o order) *generator {
	b.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		b.Fatal(err)
	}
	g := &generator{cmd: exec.Command(os.Args[0]), ended: make(chan struct{})}
	g.cmd.Env = append(os.Environ(), loadVariable+"="+string(text))
	g.cmd.Stderr = os.Stderr
	if g.stdin, err = g.cmd.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := g.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	s.loads = append(s.loads, g.cmd.Process.Pid)
	b.Cleanup(func() {
		_ = g.cmd.Process.Kill()
		<-g.ended
		_ = g.cmd.Wait()
	})
	live := make(chan struct{})
	go func() {
		defer func() {
			s.lost <- "the generator"
			close(g.ended)
		}()
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if lines.Text() == ready {
				close(live)
			}
			g.last = lines.Text()
		}
	}()
	select {
	case <-live:
	case <-g.ended:
		b.Fatal("the generator has ended by itself")
	case <-time.After(30 * time.Second):
		b.Fatal("the load is not there after 30 s")
	}
	return g
}

// stop ends the load and returns what it was.
func (g *generator) stop(b *testing.B) report {
	b.Helper()
	_ = g.stdin.Close()
	select {
	case <-g.ended:
	case <-time.After(20 * time.Second):
		b.Fatal("the generator does not end")
	}
	var r report
	if err := json.Unmarshal([]byte(g.last), &r); err != nil {
		b.Fatalf("the generator's report %q: %v", g.last, err)
	}
	return r
}
