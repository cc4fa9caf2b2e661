package file

import (
	"path/filepath"

	"weir/pipeline"
)

// Config is the configuration of a file source.
type Config struct {
	// Path of the file, MP4 or FLV, relative to the directory of files.
	Path string `yaml:"path" json:"path" doc:"The file, MP4 or FLV, relative to server.files."`
	// Loop plays the file over and over; otherwise the stream ends with it.
	Loop bool `yaml:"loop" json:"loop" doc:"Play it over and over; otherwise the stream ends with the file."`
}

func defaults() Config { return Config{Loop: true} }

// Validate checks the configuration without looking at the disk.
func (c *Config) Validate() error {
	switch {
	case c.Path == "":
		return pipeline.Fieldf("path", "no file is named").WithHint("name an MP4 or FLV file: path: clip.mp4")
	case !filepath.IsLocal(c.Path):
		return pipeline.Fieldf("path", "%q leaves the directory of files", c.Path).
			WithHint("give a relative path without ..")
	}
	return nil
}
