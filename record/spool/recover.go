package spool

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/pipeline/fmp4"
	"weir/pipeline/media"
)

func digits(n int) string { return fmt.Sprintf("%06d", n) }
func itoa(n int) string   { return strconv.Itoa(n) }

// names lists a directory of a recording.
func (d *disk) names(dir string) ([]string, error) {
	f, err := d.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// recover brings a recording in order that a process left by being killed: segments are
// cut behind their last whole fragment and written down, and the recording has ended.
func (b *Box) recover(d *disk, l *ledger) error {
	j, err := reopen(d, l)
	if err != nil {
		return err
	}
	defer j.close()
	known := make(map[string]bool, len(l.segments)+len(l.inits))
	for _, s := range l.segments {
		known[s.URI] = true
	}
	for _, i := range l.inits {
		known[i.URI] = true
	}
	for _, dir := range []string{"ready", "open"} {
		names, err := d.names(dir)
		if err != nil {
			return err
		}
		for _, name := range names {
			uri := strings.ReplaceAll(name, separator, "/")
			if known[uri] {
				continue
			}
			if err := b.salvage(d, l, j, dir+"/"+name, uri); err != nil {
				return err
			}
		}
	}
	b.log.Info("adopted a recording that was not ended", "session", l.recording.Session, "pipeline", l.recording.Pipeline)
	return j.append(true, Entry{End: &Event{At: time.Now().UTC(), What: "ended", Reason: "the server was stopped without warning"}})
}

// salvage keeps what is whole of a file that is not written down.
func (b *Box) salvage(d *disk, l *ledger, j *journal, name, uri string) error {
	i := slices.IndexFunc(l.begun, func(s Segment) bool { return s.URI == uri })
	if i < 0 {
		return d.Remove(name) // a section, which nothing refers to yet
	}
	seg := l.begun[i]
	err := measure(d, name, &seg, l.rate(seg.Init))
	if err == nil && seg.Bytes == 0 {
		return d.Remove(name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", uri, err)
	}
	if to := "ready/" + fileOf(uri); to != name {
		if err := d.Rename(name, to); err != nil {
			return err
		}
	}
	return j.append(true, Entry{Segment: &seg})
}

// rate is that of the first track behind a section.
func (l *ledger) rate(init string) media.Rate {
	for _, i := range l.inits {
		if i.URI == init {
			return media.Rate(i.Tracks[0].Rate)
		}
	}
	return 0
}

// measure cuts a segment behind its last whole fragment, and fills in its size, length
// and sum.
func measure(d *disk, name string, seg *Segment, rate media.Rate) error {
	f, err := d.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	seg.Seconds = 0
	good, _ := fmp4.Scan(f, info.Size(), func(fr fmp4.Fragment) error {
		for _, r := range fr.Runs {
			if r.Number == 1 {
				seg.Seconds += rate.Duration(r.Duration()).Seconds()
			}
		}
		return nil
	})
	if err := errors.Join(f.Truncate(good), f.Sync()); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, good)); err != nil {
		return err
	}
	seg.Bytes, seg.SHA256 = good, hex.EncodeToString(sum.Sum(nil))
	return nil
}
