package workertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
	"weir/transcode/wire"
	"weir/transcode/worker"
	"weir/transcode/worker/seal"
)

// Become is what TestMain begins with. In a process that was started as a worker it
// serves, and returns true with the exit status; in every other it returns false.
func Become() (code int, done bool) {
	if err := worker.Confine(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	if filepath.Base(os.Args[0]) != worker.Program {
		return 0, false
	}
	if len(os.Args) > 1 {
		_ = json.NewEncoder(os.Stdout).Encode(Capabilities())
		return 0, true
	}
	conn, err := net.FileConn(os.NewFile(3, "server"))
	if err == nil {
		_ = seal.Process()
		err = Serve(conn)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	return 0, true
}

// Program is the path of a program that is the test binary and a worker. TestMain must
// begin with Become.
func Program(t testing.TB) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), worker.Program)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// Capabilities are those that the worker claims.
func Capabilities() wire.Capabilities {
	var all []wire.Codec
	for _, c := range media.Codecs() {
		all = append(all, wire.Codec(c))
	}
	return wire.Capabilities{
		Protocol: wire.Version, Libav: "none", Decoders: all,
		Encoders: []wire.Codec{wire.Codec(media.CodecH264), wire.Codec(media.CodecAAC), wire.Codec(media.CodecOpus)},
	}
}

// Serve is the worker. The stage of its job may end in "!" and a word, behind which a
// number of units may stand, after which it happens:
//
//	crash=N    the process ends
//	hang=N     nothing is read or written any more
//	idle=N     units are read and nothing is made of them
//	garbage=N  something else than the protocol is written
//	huge=N     a message is announced that is too large
//	slow=N     each unit takes a second
//	refuse     the job is refused
//	noise      a thousand lines are logged
//	eat        memory is taken until there is none
//	bury=N     the socket is closed and the process goes on
func Serve(conn io.ReadWriteCloser) error { return ServeAs(conn, "") }

// ServeAs is Serve with a word that the job does not say.
func ServeAs(conn io.ReadWriteCloser, what string) error {
	defer conn.Close()
	w := &fake{what: what, begun: make(map[media.TrackID]bool), conn: conn, in: wire.NewReader(conn), out: wire.NewWriter(conn)}
	stop := make(chan struct{})
	defer w.card.Wait()
	defer close(stop)
	for {
		m, err := w.in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = w.say(func() error { return w.take(m) })
		}
		if err != nil || w.ended {
			return err
		}
		if _, begin := m.(wire.Job); begin && w.job.Test != nil {
			w.card.Go(func() { w.draw(stop) })
		}
	}
}

// say has something written by one at a time.
func (w *fake) say(what func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := what(); err != nil {
		return err
	}
	return w.out.Flush()
}

type fake struct {
	card sync.WaitGroup

	mu    sync.Mutex // guards out and what follows, once a card is drawn
	what  string
	conn  io.WriteCloser
	in    *wire.Reader
	out   *wire.Writer
	job   wire.Job
	word  string
	after int
	units int
	ended bool
	set   *media.TrackSet
	mix   mix
	begun map[media.TrackID]bool
}

func (w *fake) take(m wire.Message) error {
	switch m := m.(type) {
	case wire.Hello:
		return w.out.Write(wire.Hello{Version: wire.Version})
	case wire.Job:
		w.job = m
		if _, what, ok := strings.Cut(m.Stage, "!"); ok {
			w.what = what
		}
		word, n, _ := strings.Cut(w.what, "=")
		w.word = word
		w.after, _ = strconv.Atoi(n)
		return w.start()
	case wire.Tracks:
		w.set = Made(m.TrackSet, w.job)
		return w.out.Write(wire.Tracks{TrackSet: w.set})
	case wire.Unit:
		return w.unit(m.Unit)
	case wire.Scene:
		w.mix.scene = m
		return nil
	case wire.Sprite:
		w.mix.keep(m)
		return nil
	case wire.Keyframe:
		if w.job.Test != nil {
			delete(w.begun, "video")
			return nil
		}
		return w.out.Write(wire.Keyframe{})
	case wire.End:
		w.ended = true
		return w.out.Write(wire.End{})
	default:
		return nil
	}
}

func (w *fake) start() error {
	switch w.word {
	case "refuse":
		return w.out.Write(wire.End{Error: "this is not to be had"})
	case "noise":
		for i := range 1000 {
			l := wire.Log{Message: "line " + strconv.Itoa(i), Attrs: map[string]string{"class": "h264"}}
			if err := w.out.Write(l); err != nil {
				return err
			}
		}
	case "eat":
		var held [][]byte
		for {
			held = append(held, make([]byte, 64<<20))
		}
	}
	return nil
}

func (w *fake) unit(u *media.Unit) error {
	w.units++
	if w.units > w.after {
		switch w.word {
		case "crash":
			return errors.New("crash")
		case "hang":
			for { // until the connection is closed
				if _, err := w.conn.Write(nil); err != nil {
					return err
				}
				time.Sleep(time.Millisecond)
			}
		case "idle":
			return nil
		case "garbage":
			_, err := w.conn.Write([]byte(strings.Repeat("garbage! ", 1000)))
			return err
		case "huge":
			_, err := w.conn.Write([]byte{0xff, 0xff, 0xff, 0xff, byte(wire.TypeUnit)})
			return err
		case "slow":
			time.Sleep(time.Second)
		case "bury":
			w.ended = true
			return nil
		}
	}
	if u.Flags.Has(wire.Preroll) {
		return nil
	}
	if w.job.Mix != nil {
		return w.mixed(u)
	}
	made := *u
	made.Track = w.set.Track(u.Track.ID)
	made.PTS, made.DTS = media.Rescale(u.PTS, u.Track.Rate, made.Track.Rate), media.Rescale(u.PTS, u.Track.Rate, made.Track.Rate)
	if !w.begun[made.Track.ID] { // as an encoder does
		w.begun[made.Track.ID] = true
		made.Flags |= media.Key
	}
	for i := range max(1, len(made.Track.Layers)) {
		made.Layer = int8(i)
		copied := made
		if err := w.out.Write(wire.Unit{Unit: &copied}); err != nil {
			return err
		}
	}
	return nil
}

// Made is what the worker says that it makes of tracks.
func Made(in *media.TrackSet, job wire.Job) *media.TrackSet {
	if job.Mix != nil {
		return programme(job)
	}
	out := &media.TrackSet{Version: in.Version}
	for _, t := range in.Tracks {
		made := *t
		if t.Kind() == media.KindAudio && job.Audio != nil {
			made.Codec, made.Rate, made.Channels = media.Codec(job.Audio.Codec), media.OpusRate, 2
			if made.Config = bitstream.OpusHead(2, 312); made.Codec == media.CodecAAC {
				made.Config = []byte{0x11, 0x90}
			}
		}
		if t.Kind() == media.KindVideo && job.Video != nil {
			made.Codec, made.Layers = media.Codec(job.Video.Codec), nil
			for _, l := range job.Video.Layers {
				made.Layers = append(made.Layers, media.Layer{Name: l.Name, Width: l.Width, Height: l.Height, FPS: 30, Bitrate: l.Bitrate})
			}
		}
		out.Tracks = append(out.Tracks, &made)
	}
	return out
}
