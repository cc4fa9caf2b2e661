package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"weir/control/durable"
)

// notes is a short list of words that is kept in a file; "" is nowhere.
type notes struct{ file string }

// maxNotes bounds the file, in bytes.
const maxNotes = 64 << 10

// read is the list; a file that is not there has none.
func (n notes) read() (words []string, err error) {
	info, err := os.Stat(n.file)
	if n.file == "" || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && info.Size() > maxNotes {
		return nil, fmt.Errorf("%s has more than %d bytes: remove it", n.file, maxNotes)
	}
	b, err := os.ReadFile(n.file)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &words); err != nil {
		return nil, fmt.Errorf("%s is not as it was written: remove it: %w", n.file, err)
	}
	return words, nil
}

// write replaces the list.
func (n notes) write(words []string) error {
	if n.file == "" {
		return nil
	}
	b, err := json.Marshal(words)
	if err == nil {
		_, err = durable.Replace(n.file, append(b, '\n'), durable.Private)
	}
	return err
}
