package stagetest

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
)

// NoConfig is the configuration of stages that have none.
type NoConfig struct{}

// Validate accepts it.
func (*NoConfig) Validate() error { return nil }

func none() NoConfig { return NoConfig{} }

// Func is a stage that is only a Run.
type Func func(ctx context.Context, p *pipeline.Ports) error

// Run calls the function.
func (f Func) Run(ctx context.Context, p *pipeline.Ports) error { return f(ctx, p) }

// Stage makes a factory of stages that are only a Run. A spec without a Doc and
// ports gets those of its role.
func Stage(spec pipeline.Spec, run Func) pipeline.Factory {
	if spec.Role != pipeline.Source && spec.In == nil {
		spec.In = []pipeline.Port{{Name: "in"}}
	}
	if spec.Role != pipeline.Sink && spec.Out == nil {
		spec.Out = []pipeline.Port{{Name: "out"}}
	}
	return pipeline.Define[NoConfig](spec, none, func(NoConfig, pipeline.Env) (pipeline.Stage, error) {
		return run, nil
	})
}

// Source makes a factory of type "test/source" whose stages send items, then what
// comes from more until it is closed, then end. more may be nil.
func Source(items []media.Item, more <-chan media.Item) pipeline.Factory {
	return Stage(pipeline.Spec{Type: "test/source", Role: pipeline.Source, Live: true},
		func(ctx context.Context, p *pipeline.Ports) error {
			out := p.Out("out")
			for _, item := range items {
				if err := Put(ctx, out, item); err != nil {
					return nil
				}
			}
			for more != nil {
				select {
				case item, ok := <-more:
					if !ok || Put(ctx, out, item) != nil {
						return nil
					}
				case <-ctx.Done():
					return nil
				}
			}
			return nil
		})
}

// Put sends an item of either kind.
func Put(ctx context.Context, out *pipeline.Output, item media.Item) error {
	switch it := item.(type) {
	case *media.TrackSet:
		out.SetTracks(it)
	case *media.Unit:
		return out.Send(ctx, it)
	}
	return nil
}

// Collector is a sink that remembers what it received.
type Collector struct {
	nap   atomic.Int64
	mu    sync.Mutex // guards what follows
	items []media.Item
	ends  int
}

// Factory makes stages of type "test/sink" that feed the collector.
func (c *Collector) Factory() pipeline.Factory {
	return Stage(pipeline.Spec{Type: "test/sink", Role: pipeline.Sink},
		func(ctx context.Context, p *pipeline.Ports) error {
			for {
				p.In("in").Nap(time.Duration(c.nap.Load()))
				item, err := p.In("in").Recv(ctx)
				if err == io.EOF { //nolint:errorlint // Recv promises the bare value
					c.mu.Lock()
					defer c.mu.Unlock()
					c.ends++
					return nil
				}
				if err != nil {
					return err
				}
				c.mu.Lock()
				c.items = append(c.items, item)
				c.mu.Unlock()
			}
		})
}

// Nap makes the sink nap, from the next item on (see pipeline.Input.Nap).
func (c *Collector) Nap(d time.Duration) { c.nap.Store(int64(d)) }

// Items lists what was received so far.
func (c *Collector) Items() []media.Item {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]media.Item(nil), c.items...)
}

// Units lists the units received so far.
func (c *Collector) Units() []*media.Unit {
	var us []*media.Unit
	for _, item := range c.Items() {
		if u, ok := item.(*media.Unit); ok {
			us = append(us, u)
		}
	}
	return us
}

// Ends is how often the input ended.
func (c *Collector) Ends() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ends
}
