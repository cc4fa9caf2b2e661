package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"weir/cmd/load"
)

// viewing is what came of WHEP viewers. Times are in milliseconds.
type viewing struct {
	Joined   int64 `json:"joined"`
	Failed   int64 `json:"failed"`
	Packets  int64 `json:"packets"`
	Bytes    int64 `json:"bytes"`
	Lost     int64 `json:"lost"`
	Forged   int64 `json:"forged"`
	Pictures int64 `json:"pictures"`
	Freezes  int64 `json:"freezes"`
	// Viewer-seconds and packets while all were there.
	SteadyViewerSeconds float64 `json:"steady_viewer_seconds"`
	SteadyPackets       int64   `json:"steady_packets"`
	JoiningSeconds      float64 `json:"joining_viewer_seconds"`

	Join    quantiles `json:"join_ms"`
	Picture quantiles `json:"first_picture_ms"`
	Delay   quantiles `json:"delay_ms"`

	Server *costs `json:"server,omitempty"`
	// CPU is the server's in ms: for a viewer and second, and for a join beyond that.
	CPU     float64 `json:"cpu_ms_per_viewer_second,omitempty"`
	Joining float64 `json:"cpu_ms_per_join,omitempty"`
	Each    float64 `json:"cpu_us_per_packet,omitempty"`
}

// quantiles are in milliseconds.
type quantiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

func newLoadWHEPCmd() *cobra.Command {
	l := &loading{}
	var v load.Viewers
	var churn float64
	var stay time.Duration
	cmd := &cobra.Command{
		Use:   "whep URL",
		Short: "Watch a stream by WebRTC, many times",
		Long: "Watch a stream by WHEP as so many browsers would, with all that they say in return, and count what\n" +
			"comes. The delay is known of streams that weir load publishes on this machine. With --churn viewers\n" +
			"come at that rate for the duration and leave again after --stay.",
		Example: "  weir load whep http://127.0.0.1:8080/live/load/whep --count 150 --pid $(pidof -s weir)\n" +
			"  weir load whep http://127.0.0.1:8080/live/load/whep --churn 20 --duration 60s",
		Args: func(*cobra.Command, []string) error {
			if v.Rate <= 0 || v.Rate > 1000 || churn < 0 || churn > 1000 || stay <= 0 || v.Sample < 1 {
				return errors.New("--rate and --churn are at most 1000 a second, --stay and --sample more than 0")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			v.URL, v.Count = args[0], l.count
			if churn > 0 {
				v.Rate, v.Stay, v.Count = churn, stay, max(1, int(churn*l.duration.Seconds()))
			}
			got, err := l.view(cmd, v)
			if err != nil {
				return err
			}
			return l.print(cmd, got, got.table)
		},
	}
	f := cmd.Flags()
	f.Float64Var(&v.Rate, "rate", 20, "how many join in a second")
	f.Float64Var(&churn, "churn", 0, "how many come and go in a second; --count is not used then")
	f.DurationVar(&stay, "stay", time.Second, "how long they stay with --churn")
	f.IntVar(&v.Sample, "sample", 10, "one viewer in so many decrypts everything, not only its first picture")
	f.BoolVar(&v.SHA1, "sha1", false, "offer AES-CM with HMAC-SHA1 only, as old clients do, and not AES-GCM")
	return l.command(cmd, "viewers")
}

// view has them watch.
func (l *loading) view(cmd *cobra.Command, v load.Viewers) (*viewing, error) {
	a := &load.Audience{}
	got := &viewing{}
	seconds := viewerSeconds(a)
	var packets int64
	c, err := l.run(cmd, span{
		start: func(ctx context.Context, ready func()) error { return v.Run(ctx, a, ready) },
		short: v.Stay > 0,
		line: func() string {
			seconds()
			return fmt.Sprintf("%d joined, %d watching, %d failed, %d packets, %d lost, %d freezes",
				a.Joined.Load(), a.Watching.Load(), a.Failed.Load(), a.Packets.Load(), a.Lost.Load(), a.Freezes.Load())
		},
		began: func() { got.JoiningSeconds, packets = seconds(), a.Packets.Load() },
		ended: func() {
			if v.Stay == 0 {
				got.SteadyViewerSeconds, got.SteadyPackets = seconds()-got.JoiningSeconds, a.Packets.Load()-packets
			}
		},
	})
	if err != nil {
		return nil, err
	}
	got.Joined, got.Failed = a.Joined.Load(), a.Failed.Load()
	got.Packets, got.Bytes, got.Lost, got.Forged = a.Packets.Load(), a.Bytes.Load(), a.Lost.Load(), a.Forged.Load()
	got.Pictures, got.Freezes = a.Pictures.Load(), a.Freezes.Load()
	got.Join = quantilesOf(&a.Join)
	got.Picture = quantilesOf(&a.Picture)
	got.Delay = quantilesOf(&a.Delay)
	if got.Joined == 0 {
		return nil, fmt.Errorf("nobody could join: %w", a.Failure())
	}
	if l.pid != 0 {
		got.account(c)
	}
	if err := a.Failure(); err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "weir: the first of %s: %v\n", count(int(got.Failed), "failure"), err)
	}
	return got, nil
}

// account divides what the server needed.
func (v *viewing) account(c *costs) {
	v.Server = c
	if v.SteadyViewerSeconds > 0 {
		v.CPU = c.Steady.CPU * 1e3 / v.SteadyViewerSeconds
		v.Each = c.Steady.CPU * 1e6 / float64(max(1, v.SteadyPackets))
		v.Joining = (c.Joining.CPU*1e3 - v.CPU*v.JoiningSeconds) / float64(v.Joined)
	} else {
		v.Joining = (c.Joining.CPU + c.Steady.CPU) * 1e3 / float64(v.Joined)
	}
}

// viewerSeconds integrates the number of viewers, whenever it is called.
func viewerSeconds(a *load.Audience) func() float64 {
	sum, last, watching := 0.0, time.Now(), int64(0)
	return func() float64 {
		now, n := time.Now(), a.Watching.Load()
		sum += now.Sub(last).Seconds() * float64(watching+n) / 2
		last, watching = now, n
		return sum
	}
}

func quantilesOf(t *load.Times) quantiles {
	median, _ := t.Quantile(0.5)
	most, _ := t.Quantile(0.99)
	return quantiles{median.Seconds() * 1e3, most.Seconds() * 1e3}
}

func (v *viewing) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "viewers\t%d joined, %d failed\n", v.Joined, v.Failed)
	fmt.Fprintf(t, "received\t%d packets, %.1f MB\n", v.Packets, float64(v.Bytes)/1e6)
	fmt.Fprintf(t, "lost\t%d packets (%.3f %%)\n", v.Lost, 100*float64(v.Lost)/float64(max(1, v.Packets+v.Lost)))
	fmt.Fprintf(t, "pictures\t%d, %s\n", v.Pictures, count(int(v.Freezes), "freeze"))
	fmt.Fprintf(t, "\tp50\tp99\n")
	fmt.Fprintf(t, "join\t%.1f ms\t%.1f ms\n", v.Join.P50, v.Join.P99)
	fmt.Fprintf(t, "first picture after the answer\t%.1f ms\t%.1f ms\n", v.Picture.P50, v.Picture.P99)
	if v.Delay.P50 > 0 {
		fmt.Fprintf(t, "delay from publisher to viewer\t%.1f ms\t%.1f ms\n", v.Delay.P50, v.Delay.P99)
	}
	if v.Server != nil {
		v.Server.table(t)
		if v.CPU > 0 {
			fmt.Fprintf(t, "of that, a viewer in a second\t%.3f ms (%.2f µs a packet)\n", v.CPU, v.Each)
		}
		fmt.Fprintf(t, "a join\t%.2f ms\n", v.Joining)
	}
	return t.Flush() //nolint:wrapcheck // print does
}
