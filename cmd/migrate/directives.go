package migrate

import "strings"

// directive is one of nginx's: its words, and what stands in its block.
type directive struct {
	words []string
	line  int
	block []directive // nil without one
	open  bool        // it has a block, which may be empty
}

// name is the first word.
func (d *directive) name() string { return d.words[0] }

// arg is the word behind the name, or "".
func (d *directive) arg() string {
	if len(d.words) > 1 {
		return d.words[1]
	}
	return ""
}

// all are the directives of a name in a block.
func all(block []directive, name string) (found []*directive) {
	for i := range block {
		if block[i].name() == name {
			found = append(found, &block[i])
		}
	}
	return found
}

// What a file may have, far beyond those that people write.
const (
	maxDirectives = 10_000
	maxNesting    = 16
	maxWord       = 4096 // bytes
	maxWords      = 256  // in a directive
)

// parser reads nginx's syntax: words end at spaces, directives at ; or with a block in
// braces; # begins a comment; quotes and backslashes as there.
type parser struct {
	file string
	text []byte
	at   int
	line int
	seen int
}

// parseDirectives reads a file.
func parseDirectives(file string, text []byte) ([]directive, error) {
	p := &parser{file: file, text: text, line: 1}
	ds, err := p.block(0)
	if err == nil && p.at < len(p.text) {
		err = p.errorf("remove it", "a } has no {")
	}
	return ds, err
}

func (p *parser) errorf(help, format string, args ...any) error {
	return errorAt(p.file, p.line, help, format, args...)
}

// block reads directives up to the end of the file or a }, and leaves that of a file that
// has no { where it is.
func (p *parser) block(depth int) ([]directive, error) {
	if depth > maxNesting {
		return nil, p.errorf("this is no nginx.conf", "blocks are nested more than %d deep", maxNesting)
	}
	ds := []directive{}
	for {
		d, sign, err := p.words()
		switch {
		case err != nil:
			return nil, err
		case sign == '}' && depth == 0:
			p.at-- // for the caller
			return ds, nil
		case sign == eof && depth > 0:
			return nil, p.errorf("close it with }", "a block is not closed")
		case sign == '}', sign == eof:
			return ds, nil
		case sign == '{':
			d.open = true
			if d.block, err = p.block(depth + 1); err != nil {
				return nil, err
			}
		}
		if p.seen++; p.seen > maxDirectives {
			return nil, p.errorf("remove what is not about RTMP", "there are more than %d directives", maxDirectives)
		}
		ds = append(ds, d)
	}
}

// words reads a directive up to the sign that ends it, or one that ends the block.
func (p *parser) words() (d directive, sign byte, err error) {
	for {
		word, sign, err := p.next()
		ended := sign == '}' || sign == eof
		switch {
		case err != nil:
			return d, 0, err
		case sign != 0 && ended && len(d.words) > 0:
			return d, 0, p.errorf("end it with a semicolon", "%s is not ended", clean(d.name()))
		case sign != 0 && !ended && len(d.words) == 0:
			return d, 0, p.errorf("remove it", "a %c has no directive", sign)
		case sign != 0:
			return d, sign, nil
		case len(d.words) == maxWords:
			return d, 0, p.errorf("end it with a semicolon", "a directive has more than %d words", maxWords)
		case len(d.words) == 0:
			d.line = p.line
		}
		d.words = append(d.words, word)
	}
}

// eof is the sign for the end of the file.
const eof = 0xFF

// next is the next word, or with sign != 0 one of ; { } or eof.
func (p *parser) next() (word string, sign byte, err error) {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; c {
		case '\n':
			p.line++
			p.at++
		case ' ', '\t', '\r':
			p.at++
		case '#':
			for p.at < len(p.text) && p.text[p.at] != '\n' {
				p.at++
			}
		case ';', '{', '}':
			p.at++
			return "", c, nil
		case '"', '\'':
			word, err = p.quoted(c)
			return word, 0, err
		default:
			word, err = p.bare()
			return word, 0, err
		}
	}
	return "", eof, nil
}

// quoted reads a word in quotes.
func (p *parser) quoted(quote byte) (string, error) {
	begin := p.line
	var b strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		switch {
		case c == quote:
			p.at++
			return b.String(), nil
		case c == '\\' && p.at+1 < len(p.text):
			p.at++
			c = p.text[p.at]
			if c != quote && c != '\\' {
				b.WriteByte('\\')
			}
		}
		if c == '\n' {
			p.line++
		}
		if b.WriteByte(c); b.Len() > maxWord {
			return "", p.errorf("shorten it", "a word has more than %d bytes", maxWord)
		}
	}
	p.line = begin
	return "", p.errorf("close it", "a quote is not closed")
}

// bare reads a word without quotes. ${ in it begins a variable, not a block.
func (p *parser) bare() (string, error) {
	begin := p.at
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '\\' && p.at+1 < len(p.text) && p.text[p.at+1] != '\n':
			p.at += 2
		case c == '$' && p.at+1 < len(p.text) && p.text[p.at+1] == '{':
			for p.at < len(p.text) && p.text[p.at] != '}' && p.text[p.at] != '\n' {
				p.at++
			}
			if p.at < len(p.text) && p.text[p.at] == '}' {
				p.at++
			}
		case strings.IndexByte(" \t\r\n;{}", c) >= 0:
			return p.word(begin)
		default:
			p.at++
		}
	}
	return p.word(begin)
}

func (p *parser) word(begin int) (string, error) {
	if p.at-begin > maxWord {
		return "", p.errorf("shorten it", "a word has more than %d bytes", maxWord)
	}
	return string(p.text[begin:p.at]), nil
}
