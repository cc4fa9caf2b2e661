//go:build e2e

package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/cmd/load"
	"weir/test/machine"
)

// R33: a thousand players by HLS and two hundred viewers by WebRTC come within ten
// seconds. They are let in soon, and those who watch already notice nothing.
func TestStampede(t *testing.T) {
	machine.Long(t)
	players, joiners := 250, 50
	if soak() {
		players, joiners = 1000, 200
	}
	const within = 10 * time.Second
	s := start(t, webrtc+`
pipelines:
  live/{name}:
    stages:
      cam: {use: ingest/rtmp}
      whep: {use: outputs/whep, from: cam}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true}}
`)
	prefer(t, s.cmd.Process.Pid)
	stream := "http://" + s.http + "/live/load/"
	loadApart(t, "rtmp", "--duration", time.Minute.String(), "rtmp://"+s.rtmp+"/live/load")
	eventually(t, 20*time.Second, "there is a playlist", func() bool { return s.status("/live/load/index.m3u8") == 200 })

	watching := watchApart(t, stream+"whep", 20, 20, within+12*time.Second)
	pause(t, 3*time.Second)
	began, cpu := time.Now(), s.cpu()
	var starting load.Times
	var parts atomic.Int64
	come, leave := context.WithTimeout(t.Context(), within+15*time.Second)
	defer leave()
	pace := time.NewTicker(within / time.Duration(players))
	joining := watchApart(t, stream+"whep", joiners, float64(joiners)/within.Seconds(), 3*time.Second)
	var all errgroup.Group
	for range players {
		<-pace.C
		all.Go(func() error {
			came := time.Now()
			w, err := load.Players{URL: stream + "index.m3u8", Count: 1}.Run(come, func() { starting.Add(time.Since(came)) })
			parts.Add(w.Parts)
			if come.Err() != nil {
				return nil
			}
			return err
		})
	}
	pace.Stop()
	took := time.Since(began)
	second := joining()
	first := watching()
	used := s.cpu() - cpu
	leave()
	if err := all.Wait(); err != nil {
		t.Errorf("a player: %v", err)
	}
	hls, playing := starting.Quantile(0.95)
	figure(t, "R33", "players=%d viewers=%d in %v join_ms p50=%.1f p99=%.1f first_picture_ms p99=%.1f hls_first_part_p95=%v refused=%d existing: freezes=%d lost=%d server_cpu=%v in %v",
		players, joiners, took.Round(100*time.Millisecond), second.Join.P50, second.Join.P99, second.Picture.P99, hls, second.Failed, first.Freezes, first.Lost,
		used.Round(10*time.Millisecond), time.Since(began).Round(time.Second))
	if second.Joined != joiners || !playing || second.Join.P99 > 2000 {
		t.Errorf("%d viewers of %d have joined, the slow ones within %.0f ms", second.Joined, joiners, second.Join.P99)
	}
	if first.Joined != 20 || first.Freezes > 0 || first.Lost > 0 {
		t.Errorf("of 20 who watched already, %d did; they saw %d freezes and lost %d packets", first.Joined, first.Freezes, first.Lost)
	}
}

// onlookers is the report of `weir load whep`, of which what is needed.
type onlookers struct {
	Joined  int       `json:"joined"`
	Lost    int       `json:"lost"`
	Freezes int       `json:"freezes"`
	Failed  int       `json:"failed"`
	Join    quantiles `json:"join_ms"`
	Picture quantiles `json:"first_picture_ms"`
}

// quantiles are times in ms.
type quantiles struct{ P50, P99 float64 }

// watchApart has viewers watch for a while in a process of their own. The returned
// function is their report.
func watchApart(t *testing.T, url string, count int, rate float64, d time.Duration) func() onlookers {
	t.Helper()
	cmd, out := loadApart(t, "whep", "--format", "json", "--rate", strconv.FormatFloat(rate, 'f', -1, 64), "--count", strconv.Itoa(count), "--duration", d.String(), url)
	return func() (r onlookers) {
		t.Helper()
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
}

// loadApart runs `weir load` with arguments until the test ends, in a process that gets its
// share of the machine whatever this one does.
func loadApart(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd, out := exec.Command(os.Getenv(binaryVariable), append([]string{"load"}, args...)...), new(bytes.Buffer)
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	prefer(t, cmd.Process.Pid)
	return cmd, out
}

// prefer gives a process the processors first, if the test may: those who load the
// server are on other machines otherwise.
func prefer(t *testing.T, pid int) {
	t.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if id, err := strconv.Atoi(task.Name()); err == nil {
			_ = syscall.Setpriority(syscall.PRIO_PROCESS, id, -10)
		}
	}
}
