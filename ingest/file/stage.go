package file

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
)

//go:embed example.yaml
var example string

// behind is how late a unit may be before the pace starts anew, because the machine
// slept or was too busy.
const behind = time.Second

// Factory makes file sources that read beneath the directory root.
func Factory(root string) pipeline.Factory {
	spec := pipeline.Spec{
		Type: "ingest/file", Role: pipeline.Source, Live: true,
		Out: []pipeline.Port{{Name: "out", Streams: pipeline.Streams{
			Form:   media.FormAccess,
			Codecs: []media.Codec{media.CodecH264, media.CodecH265, media.CodecAV1, media.CodecAAC, media.CodecOpus, media.CodecMP3},
		}}},
		Doc: "Plays an MP4 or FLV file as a live stream, over and over.", Example: example,
	}
	return pipeline.Define(spec, defaults, func(c Config, env pipeline.Env) (pipeline.Stage, error) {
		return &stage{config: c, root: root, epoch: env.Epoch}, nil
	})
}

type stage struct {
	config Config
	root   string
	epoch  time.Time

	file   *os.File
	clip   clip
	format string
	passes atomic.Int64

	// The pace: when the unit of that time was sent.
	began time.Time
	zero  time.Duration
	tick  *time.Timer
}

// Open opens the file and finds out what it holds.
func (s *stage) Open(context.Context) error {
	root, err := os.OpenRoot(s.root)
	if err != nil {
		return pipeline.Fail(pipeline.Config, "open the directory of files", err)
	}
	defer root.Close()
	if s.file, err = root.Open(s.config.Path); err != nil {
		kind := pipeline.Config
		var machine syscall.Errno
		if errors.As(err, &machine) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			kind = pipeline.Transient
		}
		return pipeline.Fail(kind, "open", err)
	}
	if s.clip, s.format, err = open(s.file); err != nil {
		_ = s.file.Close()
		return s.failed("open", err)
	}
	return nil
}

func (s *stage) failed(op string, err error) error {
	kind := pipeline.Transient
	if errors.Is(err, errFormat) {
		kind = pipeline.Format
	}
	return pipeline.Fail(kind, op, fmt.Errorf("%s: %w", s.config.Path, err))
}

// Run plays the file.
func (s *stage) Run(ctx context.Context, p *pipeline.Ports) error {
	defer s.file.Close()
	s.tick = time.NewTimer(time.Hour)
	defer s.tick.Stop()

	out := p.Out("out")
	set := &media.TrackSet{Tracks: s.clip.tracks()}
	out.SetTracks(set)
	emit := func(u media.Unit) error {
		if err := s.wait(ctx, u.Time()); err != nil {
			return err
		}
		if next := replace(set, u.Track); next != set {
			set = next
			out.SetTracks(set)
		}
		u.Arrived = time.Now()
		return out.Send(ctx, &u)
	}
	for l := newLoop(s.clip, time.Since(s.epoch)); ; l.pass++ {
		if err := s.play(l, emit); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return s.failed("play", err)
		}
		s.passes.Add(1)
		if !s.config.Loop {
			return nil
		}
		if err := s.clip.rewind(); err != nil {
			return s.failed("rewind", err)
		}
	}
}

// play plays one pass.
func (s *stage) play(l *loop, emit func(media.Unit) error) error {
	for n := 0; ; n++ {
		f, err := s.clip.next()
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if err := l.place(&f, emit); err != nil {
			return err
		}
	}
}

// wait waits until a unit of that time is due.
func (s *stage) wait(ctx context.Context, at time.Duration) error {
	if s.began.IsZero() {
		s.began, s.zero = time.Now(), at
	}
	rest := time.Until(s.began.Add(at - s.zero))
	if rest < -behind {
		s.began, s.zero = time.Now(), at
	}
	if rest <= 0 {
		return ctx.Err()
	}
	s.tick.Reset(rest)
	select {
	case <-s.tick.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// replace is set, or where it lacks t another set that has it.
func replace(set *media.TrackSet, t *media.Track) *media.TrackSet {
	tracks := make([]*media.Track, 0, len(set.Tracks)+1)
	found := false
	for _, o := range set.Tracks {
		if o == t {
			return set
		}
		if o.ID == t.ID {
			o, found = t, true
		}
		tracks = append(tracks, o)
	}
	if !found {
		tracks = append(tracks, t)
	}
	return &media.TrackSet{Version: set.Version + 1, Tracks: tracks}
}

// Status is what a file source shows.
type Status struct {
	Path string `json:"path"`
	// Format is MP4 or FLV.
	Format string `json:"format"`
	// Seconds is how long a pass lasts.
	Seconds float64 `json:"seconds"`
	// Passes counts the complete ones.
	Passes int64 `json:"passes"`
}

// Describe implements pipeline.Describer.
func (s *stage) Describe() any {
	ticks, scale := s.clip.period()
	return Status{
		Path: s.config.Path, Format: s.format,
		Seconds: scale.Duration(media.Ticks(ticks)).Seconds(), Passes: s.passes.Load(),
	}
}

var (
	_ pipeline.Opener    = (*stage)(nil)
	_ pipeline.Describer = (*stage)(nil)
)
