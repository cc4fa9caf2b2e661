package httpd

import (
	"bytes"
	"net/http"
	"net/textproto"
	"strings"
)

// maxFields bounds the header fields of a plain request.
const maxFields = 64

// head is the beginning of a plain request: one that says all there is to say in its
// request line and in fields that do not change how messages are framed or who
// answers. Anything else is package net/http's to understand, or to refuse.
type head struct {
	method string // GET or HEAD
	// target has nothing to decode. path and query are its parts.
	target, path, query string
	fields              []byte // the header section, each line with its CRLF
	size                int    // bytes in all
}

// legible says how far a head could be read.
type legible uint8

const (
	partly   legible = iota // more bytes are needed
	plainly                 // it is whole and plain
	notPlain                // it may be a request, but not a plain one
)

// parseHead reads a head (RFC 9112 sections 2 and 3) at the start of b, to which
// head.fields refers.
func parseHead(b []byte) (head, legible) {
	const gap = "\r\n\r\n"
	end := bytes.Index(b, []byte(gap))
	if end < 0 {
		return head{}, partly
	}
	line, fields, _ := bytes.Cut(b[:end+len("\r\n")], []byte("\r\n"))
	h := head{fields: fields, size: end + len(gap)}
	switch {
	case bytes.HasPrefix(line, []byte("GET /")):
		h.method = http.MethodGet
	case bytes.HasPrefix(line, []byte("HEAD /")):
		h.method = http.MethodHead
	default:
		return head{}, notPlain
	}
	target, ok := bytes.CutSuffix(line[len(h.method)+1:], []byte(" HTTP/1.1"))
	if !ok {
		return head{}, notPlain
	}
	h.target = string(target)
	var asks bool
	h.path, h.query, asks = strings.Cut(h.target, "?")
	if !only(h.path, pathBytes) || !only(h.query, queryBytes) || asks && h.query == "" {
		return head{}, notPlain
	}
	return h, plainly
}

// Bytes beside letters and digits that a plain request may have: in its path and
// query without a "%" (RFC 3986), in its Host, in the names of its fields.
const (
	pathBytes  = "/._~-"
	queryBytes = "/._~-=&"
	hostBytes  = ".:-[]"
	nameBytes  = "-"
)

// only says whether b has nothing but letters, digits and the bytes in others.
func only[T string | []byte](b T, others string) bool {
	for i := range len(b) {
		switch c := b[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte(others, c) >= 0:
		default:
			return false
		}
	}
	return true
}

// parseFields reads a header section (RFC 9112 section 5). It is false if that is
// not a plain one.
func parseFields(b []byte) (host string, h http.Header, plain bool) {
	h = make(http.Header)
	for n := 0; len(b) > 0; n++ {
		line, rest, _ := bytes.Cut(b, []byte("\r\n"))
		b = rest
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) == 0 || !only(name, nameBytes) || n == maxFields {
			return "", nil, false
		}
		value = bytes.Trim(value, " \t")
		if bytes.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c >= 0x7f }) {
			return "", nil, false
		}
		switch key := textproto.CanonicalMIMEHeaderKey(string(name)); key {
		case "Host":
			if host != "" || len(value) == 0 || !only(value, hostBytes) {
				return "", nil, false
			}
			host = string(value)
		case "Connection":
			if !bytes.EqualFold(value, []byte("keep-alive")) {
				return "", nil, false
			}
		case "Content-Length", "Transfer-Encoding", "Te", "Trailer", "Expect", "Upgrade":
			return "", nil, false
		default:
			h[key] = append(h[key], string(value))
		}
	}
	return host, h, host != ""
}
