package webhook

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// entry is a line of the journal: an event and to whom it goes, or that an endpoint needs
// it no more.
type entry struct {
	ID     string          `json:"id"`
	To     []string        `json:"to,omitempty"`
	Type   string          `json:"type,omitempty"`
	Stream string          `json:"stream,omitempty"`
	At     time.Time       `json:"at,omitzero"`
	Body   json.RawMessage `json:"body,omitempty"`
	Done   string          `json:"done,omitempty"`
}

// Bounds of what is read.
const (
	maxLine    = 256 << 10
	maxJournal = 64 << 20
)

// owed is an event that endpoints are waiting for.
type owed struct {
	item
	to []string
}

// read makes out of a journal what is still owed, in order. Lines that are damaged or were
// not written to their ends are passed over.
func read(r io.Reader) []owed {
	var order []string
	all := make(map[string]*owed)
	in := bufio.NewReaderSize(io.LimitReader(r, maxJournal), 64<<10)
	for {
		line, whole, err := readLine(in)
		if whole {
			var e entry
			if json.Unmarshal(line, &e) == nil && e.ID != "" {
				if o := all[e.ID]; e.Done != "" && o != nil {
					o.to = slices.DeleteFunc(o.to, func(to string) bool { return to == e.Done })
				} else if e.Done == "" && o == nil && len(e.Body) > 0 {
					all[e.ID] = &owed{item{e.ID, e.Type, e.Stream, e.At, e.Body}, e.To}
					order = append(order, e.ID)
				}
			}
		}
		if err != nil {
			break
		}
	}
	var left []owed
	for _, id := range order {
		if o := all[id]; len(o.to) > 0 {
			left = append(left, *o)
		}
	}
	return left
}

// readLine reads a line without its end; one that is too long is not whole.
func readLine(in *bufio.Reader) (line []byte, whole bool, err error) {
	whole = true
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			whole, line = false, line[:0]
		}
		if whole {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSuffix(line, []byte("\n")), whole && err == nil, err
		}
	}
}

// journal is a file to which entries are appended. A nil *journal keeps nothing.
type journal struct {
	name  string
	f     *os.File
	lines int // in the file
}

// openJournal reads a journal, and begins it anew with what is still owed.
func openJournal(name string) (*journal, []owed, error) {
	var left []owed
	f, err := os.Open(name)
	switch {
	case err == nil:
		left = read(f)
		_ = f.Close() // it was only read
	case !errors.Is(err, os.ErrNotExist):
		return nil, nil, fmt.Errorf("read the journal of webhooks: %w", err)
	}
	j := &journal{name: name}
	return j, left, j.rewrite(left)
}

// rewrite replaces the file by one that has only what is owed.
func (j *journal) rewrite(left []owed) error {
	if j == nil {
		return nil
	}
	f, err := os.OpenFile(j.name+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("begin the journal of webhooks: %w", err)
	}
	var entries []entry
	for _, o := range left {
		entries = append(entries, o.entry())
	}
	if err := errors.Join(write(f, entries), f.Sync(), os.Rename(f.Name(), j.name)); err != nil {
		return errors.Join(fmt.Errorf("begin the journal of webhooks: %w", err), f.Close())
	}
	if j.f != nil {
		_ = j.f.Close() // what was in it is in its successor
	}
	j.f, j.lines = f, len(entries)
	return nil
}

func (o *owed) entry() entry {
	return entry{ID: o.id, To: o.to, Type: o.kind, Stream: o.stream, At: o.at, Body: o.body}
}

// append writes entries, and with sync waits until the disk has them.
func (j *journal) append(sync bool, entries ...entry) error {
	if j == nil || len(entries) == 0 {
		return nil
	}
	j.lines += len(entries)
	err := write(j.f, entries)
	if sync && err == nil {
		err = j.f.Sync()
	}
	return err
}

func write(f *os.File, entries []entry) error {
	var text []byte
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		text = append(append(text, line...), '\n')
	}
	_, err := f.Write(text)
	return err
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	return errors.Join(j.f.Sync(), j.f.Close())
}
