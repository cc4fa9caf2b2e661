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

// playing is what came of HLS players.
type playing struct {
	Players   int     `json:"players"`
	Playlists int64   `json:"playlists"`
	Parts     int64   `json:"parts"`
	Bytes     int64   `json:"bytes"`
	Missed    int64   `json:"missed"`
	Server    *costs  `json:"server,omitempty"`
	CPU       float64 `json:"cpu_ms_per_player_second,omitempty"`
}

func newLoadHLSCmd() *cobra.Command {
	l := &loading{}
	cmd := &cobra.Command{
		Use:     "hls URL",
		Short:   "Watch a stream by low-latency HLS, many times",
		Long:    "Watch a stream as hls.js does, with connections of its own for each player. URL is the multivariant\nplaylist's; it must be http.",
		Example: "  weir load hls http://127.0.0.1:8080/live/load/index.m3u8 --count 200 --pid $(pidof -s weir)",
		RunE: func(cmd *cobra.Command, args []string) error {
			var did load.Watched
			began := time.Now()
			c, err := l.run(cmd, span{
				start: func(ctx context.Context, ready func()) (err error) {
					did, err = load.Players{URL: args[0], Count: l.count}.Run(ctx, ready)
					return err //nolint:wrapcheck // it says what
				},
				line: func() string {
					return fmt.Sprintf("%s, for %v", count(l.count, "player"), time.Since(began).Round(time.Second))
				},
			})
			if err != nil {
				return err
			}
			got := &playing{Players: l.count, Playlists: did.Playlists, Parts: did.Parts, Bytes: did.Bytes, Missed: did.Missed}
			if l.pid != 0 {
				got.Server, got.CPU = c, c.Steady.CPU*1e3/max(1e-9, c.Steady.Seconds*float64(l.count))
			}
			return l.print(cmd, got, got.table)
		},
	}
	return l.command(cmd, "players")
}

func (p *playing) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "players\t%d\n", p.Players)
	fmt.Fprintf(t, "received\t%d playlists, %d parts, %.1f MB\n", p.Playlists, p.Parts, float64(p.Bytes)/1e6)
	fmt.Fprintf(t, "missed\t%d parts\n", p.Missed)
	if p.Server != nil {
		p.Server.table(t)
		fmt.Fprintf(t, "of that, a player in a second\t%.3f ms\n", p.CPU)
	}
	return t.Flush() //nolint:wrapcheck // print does
}
