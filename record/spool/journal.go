package spool

import (
	"encoding/json"
	"errors"
	"io"
	"os"
)

// journal is a file of entries that is being appended to.
type journal struct {
	f    *file
	size int64 // of the lines that are known to be whole
	// owed are lines that the disk would not take yet.
	owed []byte
}

const journalName = "journal"

func createJournal(d *disk) (*journal, error) {
	f, err := d.create(journalName)
	if err != nil {
		return nil, err
	}
	return &journal{f: f}, nil
}

// append writes an entry and, if it is important, syncs it. What a full disk does not
// take is kept, and written in front of what comes next.
func (j *journal) append(important bool, entries ...Entry) error {
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		j.owed = append(append(j.owed, line...), '\n')
	}
	return j.flush(important)
}

func (j *journal) flush(important bool) error {
	if len(j.owed) > 0 {
		if err := j.f.disk.fails("write", j.f.name); err != nil {
			return err
		}
		if _, err := j.f.File.WriteAt(j.owed, j.size); err != nil {
			return errors.Join(err, j.f.Truncate(j.size))
		}
		j.size += int64(len(j.owed))
		j.owed = nil
	}
	if important {
		return j.f.Sync()
	}
	return nil
}

func (j *journal) close() error { return errors.Join(j.flush(true), j.f.Close()) }

// ledger is a journal as who reads it knows it.
type ledger struct {
	read      int64
	recording Recording
	inits     []Init
	begun     []Segment
	segments  []Segment
	events    []Event
	end       *Event
}

// refresh reads what has been appended.
func (l *ledger) refresh(d *disk) error {
	f, err := d.Open(journalName)
	if err != nil {
		return err
	}
	defer f.Close()
	const most = 256 << 20
	b, err := io.ReadAll(io.NewSectionReader(f, l.read, most))
	if err != nil {
		return err
	}
	n, err := parse(b, l.note)
	l.read += int64(n)
	return err
}

func (l *ledger) note(e Entry) {
	switch {
	case e.Recording != nil:
		l.recording = *e.Recording
	case e.Init != nil:
		l.inits = append(l.inits, *e.Init)
	case e.Begin != nil:
		l.begun = append(l.begun, *e.Begin)
	case e.Segment != nil:
		l.segments = append(l.segments, *e.Segment)
	case e.Event != nil:
		l.events = append(l.events, *e.Event)
	case e.End != nil:
		l.end = e.End
	}
}

// reopen opens a journal that nobody writes, to append to it behind its whole lines.
func reopen(d *disk, l *ledger) (*journal, error) {
	f, err := d.OpenFile(journalName, os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	j := &journal{f: &file{f, d, journalName}, size: l.read}
	return j, f.Truncate(l.read)
}
