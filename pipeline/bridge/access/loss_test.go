package access

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/pipeline"
	payload "weir/pipeline/bitstream/rtp"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

// began is when the first packet arrives.
func began() time.Time { return time.Unix(1_800_000_000, 0) }

// simulcast is an RTP track as WHIP has it: layers without configuration.
func simulcast(layers int) *media.Track {
	t := &media.Track{ID: "video", Codec: media.CodecH264, Form: media.FormRTP, Rate: media.VideoRate}
	for i := range layers {
		t.Layers = append(t.Layers, media.Layer{Name: fmt.Sprint(i)})
	}
	return t
}

// pictures are the packets of so many pictures of a layer, the first of them a key
// picture, 33 ms apart.
func pictures(t *testing.T, tr *media.Track, layer int8, first, n int) [][]media.Item {
	t.Helper()
	known := *tr
	known.Config = stagetest.VideoTrack().Config
	p, err := payload.NewPacketizer(&known, layer, 1200)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]media.Item
	for i := first; i < first+n; i++ {
		slice := bytes.Repeat([]byte{byte(i) | 0x80}, 4000)
		slice[0] = 0x41
		u := &media.Unit{
			Track: tr, PTS: media.Ticks(i) * 3000, Flags: media.FrameEnd,
			Arrived: began().Add(time.Duration(i) * 33 * time.Millisecond),
		}
		if i == first {
			slice[0] = 0x65
			u.Flags |= media.Key
		}
		u.Access = [][]byte{slice}
		var packets []media.Item
		for _, packet := range p.Packetize(nil, u) {
			packet.Track = tr
			packets = append(packets, packet)
		}
		out = append(out, packets)
	}
	return out
}

func from(sequence int, items []media.Item) []media.Item {
	for i, item := range items {
		item.(*media.Unit).RTP.Sequence = uint16(sequence + i)
	}
	return items
}

// story is what came out, a word for each item.
func (b *bench) story() string {
	var words []string
	for _, item := range b.got {
		switch it := item.(type) {
		case *media.TrackSet:
			var tracks []string
			for _, tr := range it.Tracks {
				tracks = append(tracks, string(tr.ID))
				for _, l := range tr.Layers {
					tracks = append(tracks, fmt.Sprintf("%dx%d", l.Width, l.Height))
				}
			}
			words = append(words, "set("+strings.Join(tracks, ",")+")")
		case *media.Unit:
			words = append(words, fmt.Sprintf("%d:%d:%v", it.Layer, it.PTS/3000, it.Flags))
		}
	}
	return strings.Join(words, " ")
}

// Packets in any order become the same pictures.
func TestDisorder(t *testing.T) {
	tr := simulcast(1)
	packets := slices.Concat(pictures(t, tr, 0, 0, 30)...)
	r := rand.New(rand.NewPCG(1, 2))
	first := packets[0]
	for i := 1; i+8 < len(packets); i += 8 {
		r.Shuffle(8, func(j, k int) { packets[i+j], packets[i+k] = packets[i+k], packets[i+j] })
	}
	b := bench{items: append([]media.Item{&media.TrackSet{Tracks: []*media.Track{tr}}, first}, packets[1:]...)}
	b.run(t)
	words := []string{"set() set(video,640x360) 0:0:key|frame-end"}
	for i := 1; i < 30; i++ {
		words = append(words, fmt.Sprintf("0:%d:frame-end", i))
	}
	if got, want := b.story(), strings.Join(words, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A lost packet costs the pictures up to the next key unit, for which the source is
// asked.
func TestLoss(t *testing.T) {
	tr := simulcast(1)
	ps := pictures(t, tr, 0, 0, 20)
	lost := ps[2][1]
	n := 0
	var b bench
	b.items = []media.Item{&media.TrackSet{Tracks: []*media.Track{tr}}}
	for _, p := range ps {
		for _, item := range p {
			n++
			if item != lost {
				b.items = append(b.items, item)
			}
		}
	}
	b.then = func(ctx context.Context, out *pipeline.Output) error {
		select {
		case f := <-out.Feedback():
			if want := (media.KeyframeRequest{Track: "video"}); f != want {
				t.Errorf("asked for %+v, want %+v", f, want)
			}
		case <-ctx.Done():
			t.Error("the source was not asked")
		}
		for _, item := range from(n, slices.Concat(pictures(t, tr, 0, 40, 2)...)) {
			if err := stagetest.Put(ctx, out, item); err != nil {
				return err
			}
		}
		return nil
	}
	b.run(t)
	want := "set() set(video,640x360) 0:0:key|frame-end 0:1:frame-end 0:40:key|frame-end|gap 0:41:frame-end"
	if got := b.story(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Each layer has a configuration of its own, once it has been seen.
func TestLayers(t *testing.T) {
	tr := simulcast(2)
	low, high := pictures(t, tr, 0, 0, 3), pictures(t, tr, 1, 1, 2)
	b := bench{items: slices.Concat([]media.Item{&media.TrackSet{Tracks: []*media.Track{tr}}}, low[0], low[1], high[0], low[2], high[1])}
	b.run(t)
	want := "set() set(video,640x360,0x0) 0:0:key|frame-end 0:1:frame-end " +
		"set(video,640x360,640x360) 1:1:key|frame-end 0:2:frame-end 1:2:frame-end"
	if got := b.story(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	us := b.units()
	first, last := us[0].Track, us[len(us)-1].Track
	config := stagetest.VideoTrack().Config
	if first.Config != nil || !bytes.Equal(first.LayerConfig(0), config) || first.LayerConfig(1) != nil {
		t.Errorf("first %+v", first)
	}
	if last.Config != nil || !bytes.Equal(last.LayerConfig(1), config) || last.Layers[1].Name != "1" {
		t.Errorf("then %+v", last)
	}
}

// What cannot be put together is left out and said; the rest goes on.
func TestLeftOut(t *testing.T) {
	aac := stagetest.AudioTrack()
	aac.Form = media.FormRTP
	opus := &media.Track{ID: "voice", Codec: media.CodecOpus, Form: media.FormRTP, Rate: media.OpusRate}
	s := &stage{}
	for _, tr := range []*media.Track{aac, opus} {
		l, err := newLane(tr, time.Second)
		if (err == nil) != (tr == opus) {
			t.Errorf("%s: %v", tr.ID, err)
		}
		if err == nil {
			s.lanes = append(s.lanes, l)
		}
	}
	if out := s.lanes[0].out; out == nil || out.Form != media.FormAccess || out.Channels != 2 || len(out.Config) != 19 {
		t.Errorf("%+v", out)
	}
	s.report(time.Time{})
	if got, want := fmt.Sprintf("%+v", *s.status.Load()), "{LeftOut:[] Layers:[{Track:voice Layer:0 Lost:0 Late:0 Moved:0 Damaged:0}]}"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestValidate(t *testing.T) {
	for wait, ok := range map[time.Duration]bool{-1: false, 0: true, time.Second: true, 5*time.Second + 1: false} {
		if err := (&Config{Wait: wait}).Validate(); (err == nil) != ok {
			t.Errorf("%v: %v", wait, err)
		}
	}
}
