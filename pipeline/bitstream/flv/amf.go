package flv

import (
	"encoding/binary"
	"math"
)

// Bounds of a script message. Values nest and count no further.
const (
	amfDepth  = 32
	amfNodes  = 4096
	amfString = 64 << 10
)

// Markers of AMF0 (Adobe AMF0 specification section 2.1).
const (
	amfNumber      = 0
	amfBoolean     = 1
	amfText        = 2
	amfObject      = 3
	amfNull        = 5
	amfUndefined   = 6
	amfReference   = 7
	amfECMAArray   = 8
	amfObjectEnd   = 9
	amfStrictArray = 10
	amfDate        = 11
	amfLongString  = 12
	amfUnsupported = 13
	amfXML         = 15
	amfTypedObject = 16
)

// amfReader walks AMF0 values without building them: numbers and strings that
// are properties of an outermost object are handed to visit, all else is skipped.
// Nothing is allocated but those strings.
type amfReader struct {
	b     []byte
	nodes int
	visit func(name string, number float64, text string)
}

func errAMF(what string) error {
	return malformedScript("AMF0: " + what)
}

// value walks one value. name is that of the property it belongs to.
func (r *amfReader) value(name string, depth int) error {
	if r.nodes++; r.nodes > amfNodes {
		return errAMF("too many values")
	}
	if depth > amfDepth {
		return errAMF("nested too deeply")
	}
	marker, ok := r.take(1)
	if !ok {
		return errAMF("cut off")
	}
	switch marker[0] {
	case amfNumber:
		b, ok := r.take(8)
		if ok && depth == 1 {
			r.visit(name, math.Float64frombits(binary.BigEndian.Uint64(b)), "")
		}
		return r.must(ok)
	case amfText:
		s, ok := r.string(2)
		if ok && depth == 1 {
			r.visit(name, math.NaN(), string(s))
		}
		return r.must(ok)
	case amfLongString, amfXML:
		_, ok := r.string(4)
		return r.must(ok)
	case amfObject:
		return r.properties(depth + 1)
	case amfTypedObject:
		if _, ok := r.string(2); !ok {
			return errAMF("cut off")
		}
		return r.properties(depth + 1)
	case amfECMAArray:
		// The count is approximate; the end marker tells.
		if _, ok := r.take(4); !ok {
			return errAMF("cut off")
		}
		return r.properties(depth + 1)
	case amfStrictArray:
		return r.elements(depth + 1)
	default:
		return r.skip(marker[0])
	}
}

// skip passes over a value of fixed length.
func (r *amfReader) skip(marker byte) error {
	size := 0
	switch marker {
	case amfNull, amfUndefined, amfUnsupported:
	case amfBoolean:
		size = 1
	case amfReference:
		size = 2
	case amfDate:
		size = 10
	default:
		return errAMF("unknown type")
	}
	_, ok := r.take(size)
	return r.must(ok)
}

func (r *amfReader) properties(depth int) error {
	for {
		name, ok := r.string(2)
		if !ok {
			return errAMF("cut off")
		}
		if len(name) == 0 && len(r.b) > 0 && r.b[0] == amfObjectEnd {
			r.b = r.b[1:]
			return nil
		}
		if err := r.value(string(name), depth); err != nil {
			return err
		}
	}
}

func (r *amfReader) elements(depth int) error {
	b, ok := r.take(4)
	if !ok {
		return errAMF("cut off")
	}
	n := binary.BigEndian.Uint32(b)
	if n > amfNodes {
		return errAMF("too many values")
	}
	for range n {
		// Elements have no name and are no properties, whatever the depth.
		if err := r.value("", depth+1); err != nil {
			return err
		}
	}
	return nil
}

// string is the bytes after a length of width bytes.
func (r *amfReader) string(width int) ([]byte, bool) {
	b, ok := r.take(width)
	if !ok {
		return nil, false
	}
	n := 0
	for _, c := range b {
		n = n<<8 | int(c)
	}
	if n > amfString {
		return nil, false
	}
	return r.take(n)
}

func (r *amfReader) take(n int) ([]byte, bool) {
	if n > len(r.b) {
		return nil, false
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b, true
}

func (r *amfReader) must(ok bool) error {
	if !ok {
		return errAMF("cut off")
	}
	return nil
}

func appendAMFString(b []byte, s string) []byte {
	s = s[:min(len(s), math.MaxUint16)]
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

func appendAMFNumber(b []byte, name string, v float64) []byte {
	b = append(appendAMFString(b, name), amfNumber)
	return binary.BigEndian.AppendUint64(b, math.Float64bits(v))
}
