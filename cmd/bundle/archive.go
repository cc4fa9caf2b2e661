package bundle

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// What an archive may hold, in bytes before it is compressed.
const (
	MaxEntry = 4 << 20
	maxAll   = 64 << 20
)

// Archive is a zip file in the making.
type Archive struct {
	zip   *zip.Writer
	scrub *Scrubber
	at    time.Time
	left  int64
	index []Entry
	err   error // the first one
}

// Entry says what became of one part.
type Entry struct {
	Name  string `json:"name"`
	Bytes int    `json:"bytes"`
	// Cut says that there was more, Missing why there is nothing.
	Cut     bool   `json:"cut,omitempty"`
	Missing string `json:"missing,omitempty"`
}

// New writes an archive; texts go through scrub.
func New(w io.Writer, scrub *Scrubber, at time.Time) *Archive {
	return &Archive{zip: zip.NewWriter(w), scrub: scrub, at: at, left: maxAll}
}

// Text adds a text.
func (a *Archive) Text(name, text string, cut bool) {
	a.add(name, []byte(a.scrub.Text(text)), cut)
}

// JSON adds a value.
func (a *Archive) JSON(name string, value any) {
	b, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		a.Missing(name, err)
		return
	}
	a.Text(name, string(b)+"\n", false)
}

// Binary adds what is no text and has none in it, such as a profile.
func (a *Archive) Binary(name string, data []byte, cut bool) { a.add(name, data, cut) }

// Missing notes why a part could not be had.
func (a *Archive) Missing(name string, err error) {
	a.index = append(a.index, Entry{Name: name, Missing: a.scrub.Text(err.Error())})
}

func (a *Archive) add(name string, data []byte, cut bool) {
	most := min(MaxEntry, a.left)
	if int64(len(data)) > most {
		data, cut = data[:most], true
	}
	w, err := a.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: a.at})
	if err == nil {
		_, err = w.Write(data)
	}
	if err != nil && a.err == nil {
		a.err = fmt.Errorf("write %s: %w", name, err)
	}
	a.left -= int64(len(data))
	a.index = append(a.index, Entry{Name: name, Bytes: len(data), Cut: cut})
}

// Close ends the archive with an index of it, which it returns.
func (a *Archive) Close() ([]Entry, error) {
	all := a.index
	a.JSON("index.json", map[string]any{"made_at": a.at.UTC(), "parts": all})
	if err := a.zip.Close(); err != nil && a.err == nil {
		a.err = fmt.Errorf("end the archive: %w", err)
	}
	return all, a.err
}
