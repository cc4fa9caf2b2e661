package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"weir/pipeline/bitstream/flv"
	"weir/pipeline/service/rtmpd"
)

//go:embed demo.flv
var demoClip []byte

// demoPath is where the demonstration publishes.
const demoPath = "live/demo"

func newDemoCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Run the server and publish a test clip to it",
		Long: "Run the server with the built-in configuration and publish a short test clip to it, over and over,\n" +
			"by RTMP through the front door as an encoder would.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			src := builtIn()
			return runServer(cmd.Context(), cmd.OutOrStdout(), src, false, func(ctx context.Context, s *server) error {
				fmt.Fprintf(cmd.OutOrStdout(), "  a test clip is published to %s; watch it at\n\n    %s/%s\n\n", demoPath, s.web(), demoPath)
				return publishDemo(ctx, s, src)
			})
		},
	}
}

// publishDemo publishes the clip until ctx ends, again and again after a failure.
func publishDemo(ctx context.Context, s *server, src *source) error {
	key, _ := src.env(keyVariable)
	var target string
	for _, b := range s.bound {
		if b.Name == "rtmp" {
			target = "rtmp://" + reachable(b.Listener) + "/" + demoPath + "?key=" + key
		}
	}
	tags, length, err := readClip(demoClip)
	if err != nil {
		return fmt.Errorf("the built-in clip: %w", err)
	}
	for {
		err := publishLoop(ctx, target, tags, length)
		if ctx.Err() != nil {
			return nil
		}
		s.log.Warn("the demonstration was interrupted", "err", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil
		}
	}
}

// publishLoop sends the clip in a loop at its own pace.
func publishLoop(ctx context.Context, target string, tags []flv.Tag, length uint32) error {
	client, err := rtmpd.Dial(ctx, target, rtmpd.DialOptions{Encoder: "weir demo"})
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	began := time.Now()
	pace := time.NewTimer(0)
	defer pace.Stop()
	for offset := uint32(0); ; offset += length {
		for _, tag := range tags {
			at := offset + tag.Timestamp
			pace.Reset(time.Until(began.Add(time.Duration(at) * time.Millisecond)))
			select {
			case <-pace.C:
			case <-client.Done():
				return client.Err()
			case <-ctx.Done():
				return nil
			}
			if err := client.Write(rtmpd.Message{Type: uint8(tag.Type), Timestamp: at, Payload: tag.Payload}); err != nil {
				return err
			}
		}
	}
}

// readClip reads an FLV file. length is the time after which it repeats, in ms: the
// last tag's time and one more step like the one before it.
func readClip(file []byte) (tags []flv.Tag, length uint32, err error) {
	r, err := flv.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, 0, err
	}
	var video []uint32
	for {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, 0, err
		}
		if tag.Type == flv.Video {
			video = append(video, tag.Timestamp)
		}
		tags = append(tags, tag)
	}
	if len(video) < 3 {
		return nil, 0, errors.New("it has no picture")
	}
	frames := uint32(len(video) - 2)
	first, last := video[1], video[len(video)-1] // the first tag is the sequence header
	return tags, last - first + (last-first+frames/2)/frames, nil
}
