package pipeline_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

// What a stage would get is what has come of late: from the conversion that runs for
// another stage already, or from the source, with what would be converted as it will be.
func TestPreview(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		drain := func(ctx context.Context, p *pipeline.Ports) error {
			for {
				if _, err := p.In("in").Recv(ctx); err == io.EOF { //nolint:errorlint // promised bare
					return nil
				} else if err != nil {
					return err
				}
			}
		}
		sink := func(name string, codecs ...media.Codec) pipeline.Factory {
			return stagetest.Stage(pipeline.Spec{Type: name, Role: pipeline.Sink, In: []pipeline.Port{{Name: "in", Streams: pipeline.Streams{Codecs: codecs}}}}, drain)
		}
		more := make(chan media.Item)
		set := stagetest.Both()
		source := stagetest.Stage(pipeline.Spec{
			Type: "test/rtmp", Role: pipeline.Source,
			Out: []pipeline.Port{{Name: "out", Streams: pipeline.Streams{Codecs: []media.Codec{media.CodecH264, media.CodecAAC}}}},
		}, func(ctx context.Context, p *pipeline.Ports) error {
			for {
				select {
				case item := <-more:
					if err := stagetest.Put(ctx, p.Out("out"), item); err != nil {
						return err
					}
				case <-ctx.Done():
					return nil
				}
			}
		})
		var runs atomic.Int32
		w := newWorld(t, source, sink("test/any"), sink("test/opus-only", media.CodecH264, media.CodecOpus), converter(&runs))
		w.run("cam test/rtmp", "a test/any cam")
		added := w.plan("cam test/rtmp", "a test/any cam", "b test/opus-only cam")
		if p := w.graph.Preview(added, "b"); p.Tracks != nil || len(p.Via) != 1 || p.Via[0].Use != "test/opus" {
			t.Errorf("nothing has come: %+v", p)
		}
		epoch := time.Now()
		for _, item := range stagetest.MovieFrom(set, 0, 15*time.Second) {
			if u, ok := item.(*media.Unit); ok {
				time.Sleep(max(0, u.Time()-time.Since(epoch)))
				u.Arrived = time.Now()
			}
			more <- item
		}
		synctest.Wait()
		p := w.graph.Preview(added, "a")
		if p.Tracks != w.stage("cam").Outputs[0].Tracks || len(p.Via) != 0 || p.Held < 9*time.Second || p.Held > 10*time.Second {
			t.Errorf("%+v, %v", p.Tracks, p.Held)
		}
		size := func(p pipeline.Preview, k media.Kind) (units, bytes int) {
			for _, u := range p.Units {
				if u.Kind() == k {
					units, bytes = units+1, bytes+u.Size()
				}
			}
			return units, bytes
		}
		if units, bytes := size(p, media.KindVideo); units < 270 || bytes == 0 {
			t.Errorf("%d pictures of %d bytes", units, bytes)
		}
		p = w.graph.Preview(added, "b")
		sound := p.Tracks.Track("audio")
		if sound.Codec != media.CodecOpus || sound.Config != nil || p.Tracks.Track("video") != set.Tracks[0] || len(p.Via) != 1 {
			t.Errorf("%+v", p.Tracks)
		}
		if units, bytes := size(p, media.KindAudio); units < 400 || bytes != 0 {
			t.Errorf("%d sounds of %d bytes", units, bytes)
		}

		// The conversion runs: what it makes is looked at.
		w.graph.Apply(added)
		synctest.Wait()
		time.Sleep(time.Second)
		for _, item := range stagetest.MovieFrom(set, 16*time.Second, time.Second) {
			more <- item
		}
		synctest.Wait()
		if p := w.graph.Preview(added, "b"); p.Tracks != w.stage("~opus").Outputs[0].Tracks || len(p.Via) != 1 {
			t.Errorf("%+v", p.Tracks)
		}
		time.Sleep(time.Minute)
		if p := w.graph.Preview(added, "b"); p.Tracks != nil {
			t.Error("what came a minute ago arrives")
		}
		w.stop()
	})
}
