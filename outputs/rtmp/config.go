package rtmp

import (
	"errors"
	"net/url"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/platform"
)

// Config is the configuration of outputs/rtmp.
type Config struct {
	// Preset names what is known of the platform.
	Preset string `yaml:"preset" json:"preset" doc:"The platform: youtube, twitch, facebook, or custom, which needs a url."`
	// Presets is a file of presets that come before the built-in ones.
	Presets string `yaml:"presets" json:"presets" doc:"A file of presets, in JSON, that come before the built-in ones."`
	// URL is the server. If there is no key it is all of the address. It is a secret
	// because many hold one.
	URL pipeline.Secret `yaml:"url" json:"url" doc:"The server, rtmp:// or rtmps://; the preset's if it is left out. Without a key it ends with the stream's name."`
	// Key is the stream's name, or key, at the server.
	Key pipeline.Secret `yaml:"key" json:"key" doc:"The stream key: what is published at the server."`
	// Backup says what the second server is for.
	Backup string `yaml:"backup" json:"backup" enum:"none,standby,both" doc:"Whether to push to the backup server: none, standby when the primary is down, or both at once."`
	// BackupURL and BackupKey are as URL and Key.
	BackupURL pipeline.Secret `yaml:"backup_url" json:"backup_url" doc:"The backup server; the preset's if it is left out."`
	BackupKey pipeline.Secret `yaml:"backup_key" json:"backup_key" doc:"The stream key at the backup server, if it is another one."`
	// Layer is the rendition that is pushed.
	Layer string `yaml:"layer" json:"layer" doc:"Which layer of a ladder to push, by its name; the first if it is left out."`
	// Enhanced are codecs beyond the preset's that the target takes by Enhanced RTMP.
	Enhanced []string `yaml:"enhanced" json:"enhanced" enum:"h265,av1,opus" doc:"Codecs that the target takes by Enhanced RTMP beside those of the preset; others are converted."`
	// Silence says whether a stream without sound gets a silent track.
	Silence string `yaml:"silence" json:"silence" enum:"auto,always,never" doc:"Whether missing sound is replaced by silence: auto if the platform demands sound."`
	// Delay bounds how late the target may get, and how much is held while it is away.
	Delay time.Duration `yaml:"delay" json:"delay" doc:"How late a slow target may get before pictures are left out, and how much is held while it is away."`
	// HoldBytes bounds the same.
	HoldBytes pipeline.Bytes `yaml:"hold_bytes" json:"hold_bytes" doc:"The most bytes that may wait for the target."`
}

const (
	none    = "none"
	standby = "standby"
	both    = "both"
	auto    = "auto"
	always  = "always"
	never   = "never"
)

func defaults() Config {
	return Config{Preset: "custom", Backup: none, Silence: auto, Delay: 3 * time.Second, HoldBytes: 8 << 20}
}

// Validate reports everything that is wrong.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(ok bool, field, hint, format string, args ...any) {
		if !ok {
			errs = append(errs, pipeline.Fieldf(field, format, args...).WithHint(hint))
		}
	}
	p, err := platform.Named(c.Preset, c.Presets)
	if err != nil {
		return pipeline.Fieldf("preset", "%w", err)
	}
	server := func(field, text, key string, secure bool) {
		if text == pipeline.Redacted { // it is known to somebody else
			return
		}
		u, err := url.Parse(text) // its error would quote the text
		ok := err == nil && (u.Scheme == "rtmp" || u.Scheme == "rtmps") && u.Hostname() != "" && u.User == nil
		wrong(ok, field, "write rtmps://host/app", "that is not the address of an RTMP server")
		wrong(!ok || !secure || u.Scheme == "rtmps", field, "write rtmps://", "%s takes RTMPS only", p.Title)
		wrong(!ok || key != "" || len(u.Path) > 1, "key", "add key: env:STREAM_KEY", "nothing says which stream to publish at the server")
	}
	primary, backup := c.endpoints(p)
	if primary.url == "" {
		wrong(false, "url", "write url: rtmps://host/app", "the preset %s has no server of its own", c.Preset)
	} else {
		server("url", primary.url, primary.key, p.TLS)
	}
	wrong(p.URL == "" || !c.Key.Empty() || !c.URL.Empty(), "key", "copy it from the platform's page, as env:NAME", "%s wants a stream key", p.Title)
	wrong(c.Backup == none || c.Backup == standby || c.Backup == both, "backup", "", "%q is none of none, standby, both", c.Backup)
	if c.Backup == standby || c.Backup == both {
		wrong(backup.url != "", "backup", "add backup_url", "there is no backup server")
		if backup.url != "" {
			server("backup_url", backup.url, backup.key, p.TLS)
		}
	}
	wrong(c.Silence == auto || c.Silence == always || c.Silence == never, "silence", "", "%q is none of auto, always, never", c.Silence)
	for _, e := range c.Enhanced {
		wrong(enhanced(e) != 0, "enhanced", "use h265, av1 or opus", "%q is no codec of Enhanced RTMP here", e)
	}
	wrong(c.Delay >= 500*time.Millisecond && c.Delay <= time.Minute, "delay", "", "%v is not between 500ms and 1m", c.Delay)
	wrong(c.HoldBytes >= 1<<20 && c.HoldBytes <= 1<<30, "hold_bytes", "", "%v is not between 1MiB and 1GiB", c.HoldBytes)
	return errors.Join(errs...)
}

// endpoint is where to publish, and what.
type endpoint struct{ role, url, key string }

// endpoints are the two servers, of which the second may have no address.
func (c *Config) endpoints(p *platform.Preset) (primary, backup endpoint) {
	pick := func(s pipeline.Secret, def string) string {
		if s.Empty() {
			return def
		}
		return s.Reveal()
	}
	primary = endpoint{"primary", pick(c.URL, p.URL), c.Key.Reveal()}
	backup = endpoint{"backup", pick(c.BackupURL, p.BackupURL), pick(c.BackupKey, primary.key)}
	return primary, backup
}

// takes lists the codecs that are pushed as they are.
func (c *Config) takes(p *platform.Preset) (all []media.Codec) {
	for _, m := range media.Codecs() {
		ok := p.Takes(m)
		for _, e := range c.Enhanced {
			ok = ok || enhanced(e) == m
		}
		if ok {
			all = append(all, m)
		}
	}
	return all
}
