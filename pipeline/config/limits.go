package config

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The YAML library recurses over nested brackets, is quadratic in the keys of a
// mapping and needs gigabytes for 80 kB of the wrong text, so that these bounds
// hold before it parses anything. They are far beyond any file that people write.
const (
	// maxSource bounds a file in bytes.
	maxSource = 256 << 10
	// maxMarks bounds the characters that can make tokens.
	maxMarks = 32 << 10
	// maxTokens bounds the tokens of a file.
	maxTokens = 16 << 10
	// maxDepth bounds the nesting of lists and mappings.
	maxDepth = 64
	// maxKeys bounds the keys of one mapping.
	maxKeys = 1000
	// maxText bounds a key or a value, before and after ${ENV}, in bytes.
	maxText = 4 << 10
	// maxStages bounds the stages of one pipeline.
	maxStages = 64
	// maxWeight bounds the values of a file once aliases are expanded.
	maxWeight = 16 << 10
)

// fault is one thing wrong with the text as YAML.
type fault struct {
	at            place
	message, help string
}

// normalize checks what can be said of the text before it is split into tokens,
// and returns it without byte order mark and carriage returns.
func normalize(source []byte) (string, *fault) {
	if len(source) > maxSource {
		return "", &fault{
			place{1, 1, 1},
			fmt.Sprintf("the file has %d bytes, the limit is %d", len(source), maxSource),
			"split it, or remove what is not configuration",
		}
	}
	source = bytes.TrimPrefix(source, []byte("\uFEFF"))
	if !utf8.Valid(source) {
		return "", &fault{placeOf(source, invalidUTF8(source)), "the text is not UTF-8", "save the file as UTF-8"}
	}
	text := strings.ReplaceAll(string(source), "\r\n", "\n")
	marks := 0
	for i, r := range text {
		switch {
		case r == '\uFEFF' || r == 0x7F || r < ' ' && r != '\n' && r != '\t', r >= 0x80 && r < 0xA0, r == '\u2028' || r == '\u2029':
			return "", &fault{placeOf([]byte(text), i), fmt.Sprintf("there is a control character (%U) here", r), "remove it"}
		case strings.ContainsRune("[]{},:-?&*!#", r):
			marks++
		}
	}
	if marks > maxMarks {
		return "", &fault{place{1, 1, 1}, "the file has too many brackets, commas and keys", "split it"}
	}
	return text, nil
}

func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return 0
}

// placeOf is the place of a byte offset.
func placeOf(text []byte, offset int) place {
	before := text[:offset]
	line := bytes.Count(before, []byte("\n")) + 1
	return place{line, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1, 1}
}
