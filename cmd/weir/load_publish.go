package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"weir/cmd/load"
)

// publishing is what came of publishers.
type publishing struct {
	Publishers int     `json:"publishers"`
	Messages   int64   `json:"messages"`
	Late       float64 `json:"late_ms"`
	Server     *costs  `json:"server,omitempty"`
	CPU        float64 `json:"cpu_ms_per_publisher_second,omitempty"`
}

// stream is what help says of what is published.
const stream = "The stream is what an encoder makes of 720p30: 2.5 Mbit/s of H.264 in groups of 2 s, and sound. Its\n" +
	"slices are noise, which no server looks into, its AAC is silence. A * in the address is the publisher's number."

func newLoadRTMPCmd() *cobra.Command {
	l := &loading{}
	p := load.Publishers{}
	sound := &word{value: string(load.AAC)}
	for _, s := range load.Sounds() {
		sound.words = append(sound.words, string(s))
	}
	cmd := &cobra.Command{
		Use:     "rtmp URL",
		Short:   "Publish by RTMP, many times",
		Long:    "Publish by RTMP in real time.\n\n" + stream,
		Example: "  weir load rtmp 'rtmp://127.0.0.1/live/load*?key=…' --count 50 --pid $(pidof -s weir)",
		RunE: func(cmd *cobra.Command, args []string) error {
			p.URL, p.Count, p.Sound = args[0], l.count, load.Sound(sound.value)
			return l.publish(cmd, p.Run)
		},
	}
	f := cmd.Flags()
	f.IntVar(&p.ChunkSize, "chunk", 4096, "most payload of a chunk, in bytes: OBS takes 4096, ffmpeg 128")
	f.Var(sound, "sound", "what the sound is; WebRTC viewers are sent Opus, which is made of AAC at a price")
	return l.command(cmd, "publishers")
}

func newLoadWHIPCmd() *cobra.Command {
	l := &loading{}
	p := load.Studios{}
	cmd := &cobra.Command{
		Use:     "whip URL",
		Short:   "Publish by WebRTC, many times",
		Long:    "Publish by WHIP in real time, with Opus for sound.\n\n" + stream,
		Example: "  weir load whip 'http://127.0.0.1:8080/live/load*/whip' --count 50 --pid $(pidof -s weir)",
		RunE: func(cmd *cobra.Command, args []string) error {
			p.URL, p.Count = args[0], l.count
			return l.publish(cmd, p.Run)
		},
	}
	cmd.Flags().StringVar(&p.Key, "key", "", "the bearer token that publishers show")
	return l.command(cmd, "publishers")
}

// publish runs publishers.
func (l *loading) publish(cmd *cobra.Command, run func(context.Context, func()) (load.Published, error)) error {
	var did load.Published
	began := time.Now()
	c, err := l.run(cmd, span{
		start: func(ctx context.Context, ready func()) (err error) {
			did, err = run(ctx, ready)
			return err
		},
		line: func() string {
			return fmt.Sprintf("%s, for %v", count(l.count, "publisher"), time.Since(began).Round(time.Second))
		},
	})
	if err != nil {
		return err
	}
	got := &publishing{Publishers: l.count, Messages: did.Messages, Late: did.Late.Seconds() * 1e3}
	if l.pid != 0 {
		got.Server, got.CPU = c, c.Steady.CPU*1e3/max(1e-9, c.Steady.Seconds*float64(l.count))
	}
	return l.print(cmd, got, got.table)
}

func (p *publishing) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "publishers\t%d\n", p.Publishers)
	fmt.Fprintf(t, "sent\t%d frames and blocks of sound, the latest by %.1f ms\n", p.Messages, p.Late)
	if p.Server != nil {
		p.Server.table(t)
		fmt.Fprintf(t, "of that, a publisher in a second\t%.3f ms\n", p.CPU)
	}
	return t.Flush() //nolint:wrapcheck // print does
}
