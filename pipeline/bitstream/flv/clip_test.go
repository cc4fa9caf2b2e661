package flv

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

const clips = "../../../testdata/media"

// demuxAll reads an FLV file: its units by track, and the last track of each ID.
func demuxAll(t *testing.T, file io.Reader) (map[media.TrackID][]Unit, map[media.TrackID]*media.Track) {
	t.Helper()
	r, err := NewReader(bufio.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	d := NewDemuxer(bitstream.Limits{})
	units, tracks := map[media.TrackID][]Unit{}, map[media.TrackID]*media.Track{}
	for {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) {
			return units, tracks
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
			units[u.Track.ID] = append(units[u.Track.ID], u)
		}
	}
}

func TestClip(t *testing.T) {
	original, err := os.ReadFile(filepath.Join(clips, "h264-aac.flv"))
	if err != nil {
		t.Skip(err)
	}
	units, tracks := demuxAll(t, bytes.NewReader(original))
	v, a := tracks[VideoID], tracks[AudioID]
	if v.Layers[0].Width != 320 || v.Layers[0].Height != 180 || v.Layers[0].FPS != 30 || a.Rate != 48000 {
		t.Errorf("tracks %+v, %+v", v, a)
	}
	keys := 0
	for _, u := range units[VideoID] {
		if u.Flags.Has(media.Key) {
			keys++
		}
	}
	if len(units[VideoID]) != 180 || keys != 6 {
		t.Errorf("%d pictures, %d of them key", len(units[VideoID]), keys)
	}

	rewritten := rewrite(t, units, tracks)
	again, _ := demuxAll(t, bytes.NewReader(rewritten))
	for id, want := range units {
		if !slices.EqualFunc(again[id], want, sameUnit) {
			t.Errorf("%s differs after it was written and read", id)
		}
	}
	// A reader that is not ours finds the same packets in both files.
	if a, b := framehash(t, original), framehash(t, rewritten); !bytes.Equal(a, b) {
		t.Errorf("ffmpeg reads\n%.2000s\nwhere it was\n%.2000s", b, a)
	}
}

func sameUnit(a, b Unit) bool {
	return a.DTS == b.DTS && a.CTS == b.CTS && a.Flags == b.Flags && slices.EqualFunc(a.Access, b.Access, bytes.Equal)
}

// rewrite is units in a file, in the order of their decoding times.
func rewrite(t *testing.T, units map[media.TrackID][]Unit, tracks map[media.TrackID]*media.Track) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(&file, true, true)
	if err != nil {
		t.Fatal(err)
	}
	put := func(tag Tag, err error) {
		t.Helper()
		if err == nil {
			err = w.Write(tag)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put(SequenceHeader(tracks[VideoID], 0, 0))
	put(SequenceHeader(tracks[AudioID], 0, 0))
	all := slices.Concat(units[AudioID], units[VideoID])
	slices.SortStableFunc(all, func(a, b Unit) int { return int(a.DTS) - int(b.DTS) })
	for _, u := range all {
		put(Mux(u))
	}
	return file.Bytes()
}

// ffmpeg runs Debian's with input on stdin. The test ends here where there is none.
func ffmpeg(t *testing.T, input []byte, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg")
	}
	cmd := exec.CommandContext(context.Background(), path, append([]string{"-hide_banner", "-loglevel", "error"}, args...)...)
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v: %s", args, err, stderr.Bytes())
	}
	return out
}

// framehash is the packets of a file that ffmpeg finds: times, sizes and hashes.
func framehash(t *testing.T, file []byte) []byte {
	t.Helper()
	var lines [][]byte
	for _, stream := range []string{"v", "a"} {
		out := ffmpeg(t, file, "-f", "flv", "-i", "-", "-map", "0:"+stream, "-c", "copy", "-f", "framemd5", "-")
		for line := range bytes.Lines(out) {
			if line[0] != '#' {
				lines = append(lines, line)
			}
		}
	}
	return bytes.Join(lines, nil)
}

// Decoding times derived from presentation times rise, stay below them, and lag
// no more than the two B-frames make necessary.
func TestDTSOfClip(t *testing.T) {
	clip := filepath.Join(clips, "h264-bframes-aac.mp4")
	if _, err := os.Stat(clip); err != nil {
		t.Skip(err)
	}
	file := ffmpeg(t, nil, "-i", clip, "-map", "0:v", "-c", "copy", "-f", "flv", "-")
	units, tracks := demuxAll(t, bytes.NewReader(file))
	p, err := bitstream.Parse(media.CodecH264, tracks[VideoID].Config, bitstream.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	d := bitstream.NewDTS(p)
	last, reordered := media.Ticks(-1), 0
	for i, u := range units[VideoID] {
		pts := 90 * (media.Ticks(u.DTS) + media.Ticks(u.CTS))
		dts, err := d.Next(u.Access, pts)
		if err != nil {
			t.Fatalf("picture %d: %v", i, err)
		}
		if dts <= last || dts > pts || pts-dts > 90*250 {
			t.Fatalf("picture %d: DTS %d after %d, PTS %d", i, dts, last, pts)
		}
		if u.CTS != units[VideoID][0].CTS {
			reordered++
		}
		last = dts
	}
	if len(units[VideoID]) < 100 || reordered < 50 {
		t.Errorf("%d pictures, %d out of order: not the clip that this test wants", len(units[VideoID]), reordered)
	}
}

// Streams that Debian's ffmpeg cannot put into FLV, through the extended form.
func TestElementaryStreams(t *testing.T) {
	for _, c := range []struct {
		codec media.Codec
		clip  string
		args  []string
		split func(t *testing.T, stream []byte) [][][]byte
	}{
		{media.CodecH265, "h265-aac.mp4", []string{"-bsf:v", "hevc_mp4toannexb,hevc_metadata=aud=insert", "-f", "hevc"}, splitHEVC},
		{media.CodecAV1, "av1-opus.mp4", []string{"-f", "obu"}, splitAV1},
	} {
		t.Run(c.codec.String(), func(t *testing.T) {
			clip := filepath.Join(clips, c.clip)
			if _, err := os.Stat(clip); err != nil {
				t.Skip(err)
			}
			stream := ffmpeg(t, nil, slices.Concat([]string{"-i", clip, "-map", "0:v", "-c", "copy"}, c.args, []string{"-"})...)
			units := c.split(t, stream)
			p, err := bitstream.FromSets(c.codec, units[0], bitstream.Limits{})
			if err != nil || p.Width != 320 || p.Height != 180 {
				t.Fatalf("configuration %+v, %v", p, err)
			}
			track, d := p.Track(VideoID), NewDemuxer(bitstream.Limits{})
			head, err := SequenceHeader(track, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Demux(head); err != nil {
				t.Fatal(err)
			}
			keys := 0
			for i, raw := range units {
				au, err := p.Normal(raw)
				if err != nil || au.Params != nil || len(au.Access) == 0 {
					t.Fatalf("picture %d: %+v, %v", i, au, err)
				}
				if au.Flags.Has(media.Key) {
					keys++
				}
				want := Unit{Track: track, DTS: uint32(i), Flags: au.Flags, Access: au.Access}
				tag, err := Mux(want)
				if err != nil {
					t.Fatal(err)
				}
				if r, err := d.Demux(tag); err != nil || r.Track != nil || !sameUnit(r.Unit, want) {
					t.Fatalf("picture %d: %v", i, err)
				}
			}
			if len(units) != 180 || keys != 6 {
				t.Errorf("%d pictures, %d of them key", len(units), keys)
			}
		})
	}
}

// splitHEVC is the access units of a byte stream with delimiters.
func splitHEVC(t *testing.T, stream []byte) (units [][][]byte) {
	t.Helper()
	nals, err := bitstream.SplitAnnexB(stream)
	if err != nil {
		t.Fatal(err)
	}
	for _, nal := range nals {
		if nal[0]>>1 == 35 {
			units = append(units, nil)
		}
		units[len(units)-1] = append(units[len(units)-1], nal)
	}
	return units
}

// splitAV1 is the temporal units of a stream in low overhead format.
func splitAV1(t *testing.T, stream []byte) (units [][][]byte) {
	t.Helper()
	obus, err := bitstream.SplitOBUs(stream)
	if err != nil {
		t.Fatal(err)
	}
	for _, obu := range obus {
		if obu[0]>>3 == 2 {
			units = append(units, nil)
		}
		units[len(units)-1] = append(units[len(units)-1], obu)
	}
	return units
}
