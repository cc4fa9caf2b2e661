package desired

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"weir/control/durable"
	"weir/pipeline/config"
)

// maxVersions is how many versions of the file are kept.
const maxVersions = 20

// Version is one that the file had.
type Version struct {
	ID string
	At time.Time // when it came into force
	By string    // who put it there; "" if it was not by the API
	// InForce says that it is the present one.
	InForce bool
	text    []byte
}

// History lists versions, newest first.
func (d *Desired) History() []Version {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := slices.Clone(d.history)
	for i := range all {
		all[i].InForce = i == 0
	}
	return all
}

// Revert brings an earlier version back into force, and into the file.
func (d *Desired) Revert(id, version, by string) (Result, error) {
	d.mu.Lock()
	i := slices.IndexFunc(d.history, func(v Version) bool { return v.ID == id })
	if i < 0 {
		d.mu.Unlock()
		return Result{}, ErrNoVersion
	}
	text := d.history[i].text
	d.mu.Unlock()
	return d.Replace(text, version, by)
}

// remember notes the version in force, and keeps it on disk once there is another one.
func (d *Desired) remember(by string, now time.Time) {
	if len(d.history) > 0 && d.history[0].ID == d.version {
		return
	}
	d.history = slices.DeleteFunc(d.history, func(v Version) bool { return v.ID == d.version })
	d.history = slices.Insert(d.history, 0, Version{ID: d.version, At: now, By: by, text: d.text})
	d.history = d.history[:min(len(d.history), maxVersions)]
	if len(d.history) < 2 || d.opts.State == "" {
		return
	}
	if err := d.keepVersions(); err != nil {
		d.opts.Log.Warn("earlier versions of the configuration cannot be kept on disk", "err", err)
	}
}

// shelf is the directory of earlier versions: weir.history beside weir.state.json.
func (d *Desired) shelf() string { return strings.TrimSuffix(d.opts.State, ".state.json") + ".history" }

// stamp is how a kept version's name begins.
const stamp = "20060102T150405.000Z"

func (v *Version) fileName() string { return v.At.UTC().Format(stamp) + "-" + v.ID + ".yaml" }

func (d *Desired) keepVersions() error {
	dir := d.shelf()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	wanted := make(map[string]bool)
	for i := range d.history {
		name := d.history[i].fileName()
		wanted[name] = true
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			continue
		}
		if _, err := durable.Replace(filepath.Join(dir, name), d.history[i].text, durable.Private); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, _, ours := parseVersion(e.Name()); ours && !wanted[e.Name()] {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("forget a version: %w", err)
			}
		}
	}
	return nil
}

// recall reads the versions that are kept on disk.
func (d *Desired) recall() []Version {
	if d.opts.State == "" {
		return nil
	}
	entries, err := os.ReadDir(d.shelf())
	if err != nil {
		return nil // there are none yet
	}
	var all []Version
	for _, e := range slices.Backward(entries) { // names begin with times
		at, id, ours := parseVersion(e.Name())
		if !ours || len(all) == maxVersions {
			continue
		}
		text, err := config.ReadSource(filepath.Join(d.shelf(), e.Name()))
		if err == nil && versionOf(text) == id {
			all = append(all, Version{ID: id, At: at, text: text})
		}
	}
	return all
}

func parseVersion(name string) (at time.Time, id string, ok bool) {
	stem, yaml := strings.CutSuffix(name, ".yaml")
	date, id, dash := strings.Cut(stem, "-")
	at, err := time.Parse(stamp, date)
	return at, id, yaml && dash && err == nil && len(id) == 2*6
}

// writable says why the file cannot be written, or nil.
func (d *Desired) writable() error {
	if d.opts.Path == "" {
		return fmt.Errorf("%w: it is built in; start weir with a file of your own, as weir config default prints it", ErrReadOnly)
	}
	if err := unix.Access(filepath.Dir(d.opts.Path), unix.W_OK); err != nil {
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	return nil
}
