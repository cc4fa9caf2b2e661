//go:build libav && cgo

package main

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/bitstream/flv"
	"weir/pipeline/media"
	"weir/transcode/wire"
)

// The test binary is the worker when it is told so.
const isWorker = "WEIR_AV_TEST_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(isWorker) != "" {
		main()
		return
	}
	m.Run()
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, args...)
	c.Env = append(os.Environ(), isWorker+"=1")
	c.Stderr = os.Stderr
	return c
}

func TestVersion(t *testing.T) {
	b, err := command(t, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	var c wire.Capabilities
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	if c.Protocol != wire.Version || c.Libav == "" || len(c.Decoders) != len(media.Codecs()) || !slices.Contains(c.Encoders, wire.Codec(media.CodecH264)) {
		t.Errorf("%+v", c)
	}
}

// start runs a worker and gives the server's end of the socket.
func start(t *testing.T) (net.Conn, *exec.Cmd) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	here, there := os.NewFile(uintptr(fds[0]), "here"), os.NewFile(uintptr(fds[1]), "there")
	defer here.Close()
	defer there.Close()
	c := command(t)
	c.ExtraFiles = []*os.File{there}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.FileConn(here)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, c
}

// talk gives a job, what else there is to be said, and units to a worker, each when wait
// returns, and reads what it makes to the end. It is how long each picture took that went through the last layer,
// in order.
func talk(t *testing.T, conn net.Conn, job wire.Job, set *media.TrackSet, units []*media.Unit, wait func(*media.Unit, time.Time), also ...wire.Message) (took []time.Duration) {
	t.Helper()
	go func() {
		w, begin := wire.NewWriter(conn), time.Now()
		say := func(ms ...wire.Message) {
			for _, m := range ms {
				if err := w.Write(m); err != nil {
					t.Error(err)
				}
			}
			if err := w.Flush(); err != nil {
				t.Error(err)
			}
		}
		say(wire.Hello{Version: wire.Version}, job, wire.Tracks{TrackSet: set})
		say(also...)
		for _, u := range units {
			if u.Kind() == media.KindVideo && job.Video == nil || u.Kind() == media.KindAudio && job.Audio == nil {
				continue
			}
			if wait != nil {
				wait(u, begin)
				v := *u
				v.Arrived = time.Now()
				u = &v
			}
			say(wire.Unit{Unit: u})
		}
		say(wire.End{})
	}()
	for r := wire.NewReader(conn); ; {
		m, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case wire.Unit:
			if int(m.Layer) == max(1, len(m.Track.Layers))-1 {
				took = append(took, time.Since(m.Arrived))
			}
		case wire.End:
			if m.Error != "" {
				t.Error(m.Error)
			}
			return took
		}
	}
}

// A clip of H.264 and AAC goes in, and H.264 and Opus come out, over a socket.
func TestWorker(t *testing.T) {
	conn, worker := start(t)
	set, units := readFLV(t, clip)
	go func() {
		w := wire.NewWriter(conn)
		ms := []wire.Message{wire.Hello{Version: wire.Version}, wire.Job{
			Version: wire.Version, Stage: "test", Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus)},
			Video: &wire.Video{Codec: wire.Codec(media.CodecH264), KeepSize: true, Layers: []wire.Layer{{}}},
		}, wire.Tracks{TrackSet: set}}
		for _, u := range units {
			ms = append(ms, wire.Unit{Unit: u})
		}
		for _, m := range append(ms, wire.End{}) {
			if err := w.Write(m); err != nil {
				t.Error(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Error(err)
		}
	}()
	count := make(map[media.Codec]int)
	ended := false
	for r := wire.NewReader(conn); !ended; {
		m, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case wire.Unit:
			count[m.Track.Codec]++
		case wire.End:
			if ended = true; m.Error != "" {
				t.Error(m.Error)
			}
		}
	}
	if count[media.CodecH264] != 180 || count[media.CodecOpus] < 295 {
		t.Errorf("%v", count)
	}
	conn.Close()
	if err := worker.Wait(); err != nil {
		t.Error(err)
	}
}

// The worker ends with the server.
func TestServerGone(t *testing.T) {
	conn, worker := start(t)
	if _, err := wire.NewReader(conn).Read(); err != nil {
		t.Fatal(err)
	}
	w := wire.NewWriter(conn)
	for _, m := range []wire.Message{wire.Hello{Version: wire.Version}, wire.Job{Version: wire.Version, Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus)}}} {
		if err := w.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if err := worker.Wait(); err != nil {
		t.Error(err)
	}
}

// What cannot be done is said in words.
func TestImpossible(t *testing.T) {
	conn, _ := start(t)
	w := wire.NewWriter(conn)
	for _, m := range []wire.Message{wire.Hello{Version: wire.Version}, wire.Job{Version: wire.Version, Audio: &wire.Audio{Codec: wire.Codec(media.CodecMP3)}}} {
		if err := w.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for r := wire.NewReader(conn); ; {
		m, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		if end, ok := m.(wire.End); ok {
			if end.Error == "" {
				t.Error("no reason")
			}
			return
		}
	}
}

// clip has a picture and sound.
const clip = "../../testdata/media/h264-aac.flv"

// readFLV reads a file.
func readFLV(t *testing.T, name string) (*media.TrackSet, []*media.Unit) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := flv.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	d := flv.NewDemuxer(bitstream.Limits{})
	tracks := make(map[media.TrackID]*media.Track)
	var units []*media.Unit
	for {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) {
			set := &media.TrackSet{Version: 1, Tracks: []*media.Track{tracks[flv.VideoID]}}
			if a := tracks[flv.AudioID]; a != nil {
				set.Tracks = append(set.Tracks, a)
			}
			return set, units
		}
		if err != nil {
			t.Fatal(err)
		}
		res, err := d.Demux(tag)
		if err != nil {
			t.Fatal(err)
		}
		if res.Track != nil {
			tracks[res.Track.ID] = res.Track
		}
		if u := res.Unit; u.Track != nil {
			at := media.Rescale(media.Ticks(u.DTS), media.MilliRate, u.Track.Rate)
			units = append(units, &media.Unit{
				Track: u.Track, DTS: at, PTS: at + media.Rescale(media.Ticks(u.CTS), media.MilliRate, u.Track.Rate),
				Flags: u.Flags, Access: u.Access,
			})
		}
	}
}
