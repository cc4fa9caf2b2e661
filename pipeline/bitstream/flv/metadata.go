package flv

import (
	"encoding/binary"
	"fmt"
	"math"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// maxScript is the most bytes of a script tag that are looked at. Files have an
// index of key frames there.
const maxScript = 1 << 20

// Metadata is what an onMetaData message says (FLV 10.1 section E.5). The sender
// may say anything: these are hints, all 0 or "" if unknown.
type Metadata struct {
	// Width and Height are in pixels.
	Width, Height int
	// FPS is in frames a second.
	FPS float64
	// VideoBitrate and AudioBitrate are in bit/s.
	VideoBitrate, AudioBitrate int64
	// Duration is in seconds, of a file.
	Duration float64
	// Encoder names the sender's software. Not to be trusted, or printed as HTML.
	Encoder string
}

func malformedScript(what string) error {
	return fmt.Errorf("script: %w %s", bitstream.ErrMalformed, what)
}

// script takes a script tag: onMetaData, alone or within @setDataFrame. Others
// are of no interest here.
func (d *Demuxer) script(b []byte) (Result, error) {
	if len(b) > maxScript {
		return Result{}, malformedScript(fmt.Sprintf("tag of %d bytes", len(b)))
	}
	r := amfReader{b: b}
	name, ok := r.name()
	if ok && name == "@setDataFrame" {
		name, ok = r.name()
	}
	if !ok || name != "onMetaData" || len(r.b) == 0 {
		return Result{}, nil
	}
	var m Metadata
	r.visit = m.set
	if err := r.value("", 0); err != nil {
		return Result{}, err
	}
	d.metadata = m
	return Result{Metadata: &m}, nil
}

// name reads a string value.
func (r *amfReader) name() (string, bool) {
	if len(r.b) == 0 || r.b[0] != amfText {
		return "", false
	}
	r.b = r.b[1:]
	s, ok := r.string(2)
	return string(s), ok
}

// set takes one property of an onMetaData object.
func (m *Metadata) set(name string, number float64, text string) {
	n := int64(0)
	if number >= 1 && number <= 1e9 {
		n = int64(number)
	}
	switch name {
	case "width":
		m.Width = int(n)
	case "height":
		m.Height = int(n)
	case "framerate", "videoframerate", "fps":
		if number > 0 && number <= 1e6 {
			m.FPS = number
		}
	case "videodatarate": // kbit/s
		m.VideoBitrate = kilobits(number)
	case "audiodatarate":
		m.AudioBitrate = kilobits(number)
	case "duration":
		if number > 0 && number <= 1e9 {
			m.Duration = number
		}
	case "encoder":
		m.Encoder = text[:min(len(text), 128)]
	}
}

func kilobits(number float64) int64 {
	if !(number > 0 && number <= 1e6) {
		return 0
	}
	return int64(math.Round(number * 1000))
}

// hint fills in what the decoder configuration leaves open.
func (m *Metadata) hint(l *media.Layer, limits bitstream.Limits) {
	most := limits.MaxFPS
	if most == 0 {
		most = bitstream.DefaultLimits().MaxFPS
	}
	if l.FPS == 0 && m.FPS <= most {
		l.FPS = m.FPS
	}
	if l.Bitrate == 0 {
		l.Bitrate = m.VideoBitrate
	}
}

// Tag is an onMetaData message as a publisher sends it over RTMP, within
// @setDataFrame if dataFrame is true, else as a file has it.
func (m Metadata) Tag(dataFrame bool) Tag {
	var b []byte
	if dataFrame {
		b = appendAMFString(append(b, amfText), "@setDataFrame")
	}
	b = appendAMFString(append(b, amfText), "onMetaData")
	b = append(b, amfECMAArray)
	count := len(b)
	b = append(b, 0, 0, 0, 0)
	n := uint32(0)
	for _, p := range []struct {
		name string
		v    float64
	}{
		{"duration", m.Duration},
		{"width", float64(m.Width)},
		{"height", float64(m.Height)},
		{"framerate", m.FPS},
		{"videodatarate", float64(m.VideoBitrate) / 1000},
		{"audiodatarate", float64(m.AudioBitrate) / 1000},
	} {
		if p.v != 0 {
			b = appendAMFNumber(b, p.name, p.v)
			n++
		}
	}
	if m.Encoder != "" {
		b = appendAMFString(append(appendAMFString(b, "encoder"), amfText), m.Encoder)
		n++
	}
	binary.BigEndian.PutUint32(b[count:], n)
	return Tag{Type: Script, Payload: append(b, 0, 0, amfObjectEnd)}
}
