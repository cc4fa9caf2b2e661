package timeline

import (
	"testing"
	"time"

	"weir/pipeline/media"
)

const common media.Rate = 720_000

// speaker sends one stream of a made-up sender.
type speaker struct {
	stream *SyncStream
	rate   media.Rate
	offset uint32        // of its RTP clock
	late   time.Duration // on the way
	drift  float64       // how much its clock is too fast
}

func (s *speaker) rtp(at time.Duration) uint32 {
	return s.offset + uint32(int64(float64(s.rate)*at.Seconds()*(1+s.drift)))
}

// at is where on the common clock what was captured at a time is put.
func (s *speaker) at(base time.Time, captured time.Duration) time.Duration {
	return common.Duration(media.Ticks(s.stream.Wire(s.rtp(captured), base.Add(captured+s.late))))
}

func (s *speaker) report(base time.Time, at time.Duration) {
	s.stream.Report(base.Add(time.Hour+at), s.rtp(at)) // the sender's clock is an hour ahead
}

// A picture that is slower on its way than the sound is brought into step by reports,
// without ever going back, and stays there while the clocks drift.
func TestSync(t *testing.T) {
	base := time.Unix(1_000_000, 0)
	s := NewSync(common)
	video := &speaker{stream: s.Stream(media.VideoRate, false), rate: media.VideoRate, offset: 1<<32 - 5, late: 250 * time.Millisecond, drift: 50e-6}
	audio := &speaker{stream: s.Stream(media.OpusRate, true), rate: media.OpusRate, offset: 77, late: 20 * time.Millisecond}
	var last, off time.Duration
	for frame := range 3600 {
		now := time.Duration(frame) * time.Second / 60
		sound := audio.at(base, now)
		picture := video.at(base, now)
		if frame > 0 && picture <= last {
			t.Fatalf("frame %d goes back from %v to %v", frame, last, picture)
		}
		last, off = picture, picture-sound
		switch {
		case frame < 60 && off.Round(time.Millisecond) != 230*time.Millisecond:
			t.Fatalf("frame %d: %v off before any report", frame, off)
		case now > 7*time.Second && off.Abs() > time.Millisecond:
			t.Fatalf("frame %d: %v off", frame, off)
		}
		if frame%60 == 59 {
			audio.report(base, now)
			video.report(base, now)
			video.report(base, now) // twice the same changes nothing
		}
	}
}

// Reports about clocks that have nothing to do with each other move nothing.
func TestSyncNonsense(t *testing.T) {
	base := time.Unix(1_000_000, 0)
	s := NewSync(common)
	audio := &speaker{stream: s.Stream(media.OpusRate, true), rate: media.OpusRate}
	video := &speaker{stream: s.Stream(media.VideoRate, false), rate: media.VideoRate}
	for frame := range 300 {
		now := time.Duration(frame) * time.Second / 30
		if off := video.at(base, now) - audio.at(base, now); off.Abs() > time.Microsecond*20 {
			t.Fatalf("frame %d: %v", frame, off)
		}
		audio.stream.Report(base.Add(now), audio.rtp(now))
		video.stream.Report(base.Add(now+time.Hour), video.rtp(now))
	}
}

// Reports that let RTP time run at twice its pace, as those of GStreamer's webrtcbin do,
// say nothing of when a picture was taken, and move nothing.
func TestSyncFalseReports(t *testing.T) {
	base := time.Unix(1_000_000, 0)
	s := NewSync(common)
	audio := &speaker{stream: s.Stream(media.OpusRate, true), rate: media.OpusRate}
	video := &speaker{stream: s.Stream(media.VideoRate, false), rate: media.VideoRate}
	for frame := range 600 {
		now := time.Duration(frame) * time.Second / 30
		if off := video.at(base, now) - audio.at(base, now); off.Abs() > time.Microsecond*20 {
			t.Fatalf("frame %d: %v", frame, off)
		}
		captured := video.stream.Capture(video.rtp(now))
		if off := captured.Sub(base.Add(now)); !captured.IsZero() && off.Abs() > time.Millisecond {
			t.Fatalf("frame %d: taken %v off", frame, off)
		}
		if frame%90 == 0 {
			audio.stream.Report(base.Add(now), audio.rtp(now))
			video.stream.Report(base.Add(now), video.rtp(2*now))
		}
		if frame > 90 && !captured.IsZero() {
			t.Fatalf("frame %d: a false report is believed", frame)
		}
	}
}

// Without sound the first stream leads: layers of one picture fall into step.
func TestSyncLayers(t *testing.T) {
	base := time.Unix(1_000_000, 0)
	s := NewSync(common)
	low := &speaker{stream: s.Stream(media.VideoRate, false), rate: media.VideoRate, offset: 5, late: 10 * time.Millisecond}
	high := &speaker{stream: s.Stream(media.VideoRate, false), rate: media.VideoRate, offset: 4e9, late: 90 * time.Millisecond}
	var off time.Duration
	for frame := range 150 {
		now := time.Duration(frame) * time.Second / 30
		off = high.at(base, now) - low.at(base, now)
		low.report(base, now)
		high.report(base, now)
	}
	if off.Abs() > 50*time.Microsecond {
		t.Errorf("%v off", off)
	}
}
