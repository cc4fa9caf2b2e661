package record

import (
	"errors"
	"time"

	"weir/pipeline"
	"weir/pipeline/service/store"
	"weir/record/spool"
)

// Config is the configuration of record.
type Config struct {
	Store store.Place `yaml:"store" json:"store" doc:"Where recordings are kept: a directory or a bucket."`
	// Path is a template; see expand.
	Path string `yaml:"path" json:"path" doc:"Where in the store a recording is. It knows {stream}, {session}, {seq}, {start}, {start:%Y-%m-%d} and the pipeline's variables, and needs {session}."`

	Spool    string         `yaml:"spool" json:"spool" doc:"A directory on a local disk in which media waits until the store has it."`
	MaxSpool pipeline.Bytes `yaml:"max_spool" json:"max_spool" doc:"The most that may wait for one store. When it is reached, recordings pause: nothing that waits is thrown away."`
	Reserve  pipeline.Bytes `yaml:"reserve" json:"reserve" doc:"How much of the spool's disk stays free. When there is no more, recordings pause."`

	Layers   string        `yaml:"layers" json:"layers" doc:"The name of the video layer that is recorded, or all."`
	Segment  time.Duration `yaml:"segment" json:"segment" doc:"How long a segment is at least. It ends at the next key frame, or when it is twice as long."`
	Fragment time.Duration `yaml:"fragment" json:"fragment" doc:"How much a crash may cost: media is written to the disk in fragments of this length."`
	Split    Split         `yaml:"split" json:"split" doc:"When another recording begins, without a frame lost in between."`
	Keep     Keep          `yaml:"keep" json:"keep" doc:"How long recordings stay in the store. Only those that came from this spool are ever deleted."`
	Upload   Upload        `yaml:"upload" json:"upload" doc:"How the store is used."`
	Export   string        `yaml:"export" json:"export" enum:"none,mp4" doc:"What is made of a recording once it has ended: mp4 is one file, export.mp4 beside it, which every editor takes; where one cannot hold it, export-1.mp4 and so on. That takes as much space again."`
	Start    string        `yaml:"start" json:"start" enum:"auto,manual" doc:"Record from the beginning, or when told to."`
	Schedule []Window      `yaml:"schedule" json:"schedule" doc:"When is recorded, if not always. What somebody says meanwhile holds until a window begins or ends."`
}

// Split says how long a recording gets; zero values set no limit.
type Split struct {
	Every time.Duration  `yaml:"every" json:"every" doc:"How long a recording gets, about; 0 is as long as the stream."`
	Size  pipeline.Bytes `yaml:"size" json:"size" doc:"How large a recording gets, about; 0 is as large as it gets."`
}

// Keep is spool.Keep.
type Keep struct {
	For  time.Duration  `yaml:"for" json:"for" doc:"How long after its end a recording is kept; 0 is for ever."`
	Most pipeline.Bytes `yaml:"most" json:"most" doc:"The most that all recordings of a stream may take; the oldest go first. 0 is no limit."`
	Free pipeline.Bytes `yaml:"free" json:"free" doc:"What stays free in a store that is a directory; the oldest recordings go first. 0 is no limit."`
}

// Upload says how the store is used.
type Upload struct {
	Parallel int              `yaml:"parallel" json:"parallel" doc:"How many objects are uploaded at once."`
	Rate     pipeline.Bitrate `yaml:"rate" json:"rate" doc:"The most that all uploads to the store take together; 0 is no limit."`
}

func defaults() Config {
	return Config{
		Store: store.Default(), Path: "{stream}/{start:%Y/%m/%d/%H%M%S}Z-{session}",
		Spool: "spool", MaxSpool: 20 << 30, Reserve: 512 << 20,
		Layers: "all", Segment: 6 * time.Second, Fragment: time.Second,
		Upload: Upload{Parallel: 4}, Export: "none", Start: "auto",
	}
}

// Validate implements the contract of pipeline.Define.
func (c *Config) Validate() error {
	errs := []error{below("store", c.Store.Validate()), checkTemplate(c.Path)}
	if _, err := newSchedule(c.Schedule); err != nil {
		errs = append(errs, err)
	}
	if c.Start == "manual" && len(c.Schedule) > 0 {
		errs = append(errs, pipeline.Fieldf("schedule", "nothing begins by itself with start: manual").WithHint("take one of them out"))
	}
	if c.Spool == "" {
		errs = append(errs, pipeline.Fieldf("spool", "the directory needs a name").WithHint("write spool: /var/lib/weir/spool"))
	}
	if c.Segment < time.Second || c.Segment > 30*time.Second {
		errs = append(errs, pipeline.Fieldf("segment", "%v is not between 1s and 30s", c.Segment).WithHint("try 6s"))
	}
	if c.Fragment < 100*time.Millisecond || c.Fragment > c.Segment {
		errs = append(errs, pipeline.Fieldf("fragment", "%v is not between 100ms and the length of a segment", c.Fragment).WithHint("try 1s"))
	}
	if c.MaxSpool < 64<<20 {
		errs = append(errs, pipeline.Fieldf("max_spool", "%v is too little to ride out anything", c.MaxSpool).WithHint("10 minutes at 6 Mbit/s are 450MB"))
	}
	if c.Split.Every != 0 && c.Split.Every < time.Minute {
		errs = append(errs, pipeline.Fieldf("split.every", "%v is too short for a recording", c.Split.Every).WithHint("try 1h"))
	}
	if c.Split.Size != 0 && c.Split.Size < 1<<20 {
		errs = append(errs, pipeline.Fieldf("split.size", "%v is too small for a recording", c.Split.Size).WithHint("try 4GiB"))
	}
	if c.Keep.For < 0 {
		errs = append(errs, pipeline.Fieldf("keep.for", "%v is negative", c.Keep.For))
	}
	if c.Keep.Free > 0 && c.Store.Bucket() {
		errs = append(errs, pipeline.Fieldf("keep.free", "a bucket does not say what is free").WithHint("set keep.most"))
	}
	if c.Upload.Parallel < 1 || c.Upload.Parallel > 64 {
		errs = append(errs, pipeline.Fieldf("upload.parallel", "%d is not between 1 and 64", c.Upload.Parallel).WithHint("try 4"))
	}
	return errors.Join(errs...)
}

// below moves field errors into a field.
func below(field string, err error) error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, below(field, e))
		}
		return errors.Join(all...)
	}
	var fe *pipeline.FieldError
	if errors.As(err, &fe) {
		return &pipeline.FieldError{Field: field + "." + fe.Field, Err: fe.Err, Hint: fe.Hint}
	}
	return err
}

func (c *Config) options() spool.Options {
	return spool.Options{
		Most: int64(c.MaxSpool), Reserve: int64(c.Reserve),
		Parallel: c.Upload.Parallel, Rate: int64(c.Upload.Rate) / 8,
	}
}

func (k *Keep) policy() spool.Keep {
	return spool.Keep{For: k.For, Most: int64(k.Most), Free: int64(k.Free)}
}
