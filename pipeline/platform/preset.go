package platform

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"weir/pipeline/media"
)

//go:embed presets.json
var builtIn []byte

// maxFile is how large a file of presets may be, in bytes.
const maxFile = 256 << 10

// Preset is what is known of one platform. A zero figure means that nothing is demanded.
type Preset struct {
	// Name is what a configuration says, Title what people call it.
	Name  string `json:"name"`
	Title string `json:"title"`
	// Source and CheckedOn say where this is from and when somebody looked.
	Source    string `json:"source"`
	CheckedOn string `json:"checked_on"`

	// URL and BackupURL are the servers, without a key.
	URL       string `json:"url"`
	BackupURL string `json:"backup_url"`
	// TLS: only rtmps is accepted. Audio: a stream without sound is not.
	TLS   bool `json:"tls"`
	Audio bool `json:"audio"`
	// Codecs are those that it takes, by name.
	Codecs []string `json:"codecs"`

	Demands
}

// Demands are what a stream must be like.
type Demands struct {
	// KeyframeMax is the longest distance of key frames, KeyframeWant the best, in s.
	KeyframeMax  float64 `json:"keyframe_max"`
	KeyframeWant float64 `json:"keyframe_want"`
	// HeightMax is in pixels, FPSMax in frames a second.
	HeightMax int     `json:"height_max"`
	FPSMax    float64 `json:"fps_max"`
	// Bitrates are of video, largest pictures first; BitrateMax holds for all. Bit/s.
	Bitrates   []Bitrate `json:"bitrates"`
	BitrateMax int64     `json:"bitrate_max"`
	// Profiles are those of H.264 by name, LevelMax ten times the highest level.
	Profiles []string `json:"profiles"`
	LevelMax int      `json:"level_max"`
	// AudioRates are in Hz, AudioBitrateMax in bit/s, AudioChannelsMax is a number.
	AudioRates       []int `json:"audio_rates"`
	AudioBitrateMax  int64 `json:"audio_bitrate_max"`
	AudioChannelsMax int   `json:"audio_channels_max"`
	// Must names what else is demanded.
	Must []Must `json:"must"`
	// Severities are those of rules, by their ids, that weigh more or less here than
	// elsewhere: "error", "warning", or "off" for one that nobody cares about.
	Severities map[string]string `json:"severities"`
}

// Must is a demand that has no figure.
type Must string

// The demands that have no figure.
const (
	ConstantBitrate Must = "constant_bitrate"
	ClosedGOP       Must = "closed_gop"
	NoBFrames       Must = "no_b_frames"
	Progressive     Must = "progressive"
	SquarePixels    Must = "square_pixels"
	StandardRange   Must = "standard_range" // of brightness: no HDR
	// Steady: frame rate, key frames and timestamps go evenly, sound with the picture.
	Steady Must = "steady"
)

func musts() []Must {
	return []Must{ConstantBitrate, ClosedGOP, NoBFrames, Progressive, SquarePixels, StandardRange, Steady}
}

// Musts says whether m is demanded.
func (d *Demands) Musts(m Must) bool { return slices.Contains(d.Must, m) }

// Bitrate bounds the bitrate of pictures up to a height and a rate, in bit/s.
type Bitrate struct {
	Height int     `json:"height"`
	FPS    float64 `json:"fps"`
	Min    int64   `json:"min"`
	Max    int64   `json:"max"`
}

// Takes says whether the platform takes a codec.
func (p *Preset) Takes(c media.Codec) bool { return slices.Contains(p.Codecs, c.String()) }

// Named is the preset of that name: of the file, if one is given and has it, else the
// built-in one.
func Named(name, file string) (*Preset, error) {
	texts := [][]byte{builtIn}
	if file != "" {
		text, err := read(file)
		if err != nil {
			return nil, err
		}
		texts = [][]byte{text, builtIn}
	}
	var names []string
	for _, text := range texts {
		all, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for i := range all {
			if all[i].Name == name {
				return &all[i], nil
			}
			names = append(names, all[i].Name)
		}
	}
	return nil, fmt.Errorf("there is no preset %q: use one of %s", name, strings.Join(names, ", "))
}

func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", file, maxFile)
	}
	return text, err
}

func parse(text []byte) ([]Preset, error) {
	var all []Preset
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		return nil, err
	}
	for _, p := range all {
		for _, c := range p.Codecs {
			if !slices.ContainsFunc(media.Codecs(), func(m media.Codec) bool { return m.String() == c }) {
				return nil, fmt.Errorf("preset %s: there is no codec %q", p.Name, c)
			}
		}
		for _, m := range p.Must {
			if !slices.Contains(musts(), m) {
				return nil, fmt.Errorf("preset %s: there is no demand %q", p.Name, m)
			}
		}
		for rule, s := range p.Severities {
			if s != "error" && s != "warning" && s != "off" {
				return nil, fmt.Errorf("preset %s: %s: %q is none of error, warning, off", p.Name, rule, s)
			}
		}
	}
	return all, nil
}

// All lists the built-in presets.
func All() []Preset {
	all, _ := parse(builtIn) // a test reads them
	return all
}
