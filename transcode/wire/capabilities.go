package wire

// Capabilities is what `weir-av --version` prints, as one JSON object: what a job may
// ask of it. The same program without arguments is a worker, with its end of the
// socket as descriptor 3.
type Capabilities struct {
	// Protocol is Version as the worker was built with.
	Protocol int `json:"protocol"`
	// Build is the release of Weir that it belongs to, Libav that of FFmpeg.
	Build string `json:"build,omitempty"`
	Libav string `json:"libav"`
	// Decoders and Encoders are the codecs that it can read and make.
	Decoders []Codec `json:"decoders"`
	Encoders []Codec `json:"encoders"`
	// HW are the kinds of hardware that were found to work here: "nvenc", "vaapi".
	HW []string `json:"hw,omitempty"`
}
