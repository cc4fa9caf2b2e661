package rtmpd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// The markers of AMF 0 values (AMF 0 specification, section 2.1).
const (
	amfNumber      = 0x00
	amfBoolean     = 0x01
	amfString      = 0x02
	amfObject      = 0x03
	amfNull        = 0x05
	amfUndefined   = 0x06
	amfReference   = 0x07
	amfECMAArray   = 0x08
	amfObjectEnd   = 0x09
	amfStrictArray = 0x0a
	amfDate        = 0x0b
	amfLongString  = 0x0c
	amfUnsupported = 0x0d
	amfXML         = 0x0f
	amfTypedObject = 0x10
)

// Object is an AMF object, typed object or ECMA array: its properties in order.
type Object []Property

// Property is one property of an Object.
type Property struct {
	Name  string
	Value any
}

// Get is the value of the first property of that name, or nil.
func (o Object) Get(name string) any {
	for _, p := range o {
		if p.Name == name {
			return p.Value
		}
	}
	return nil
}

// DecodeAMF0 decodes all values of a message body. A value is a float64 (number,
// date in milliseconds since 1970), bool, string (also long strings and XML), nil
// (also undefined, unsupported and references), an [Object], or a []any (strict
// array). Values may nest 32 deep and number 4096; memory is bounded by the
// length of b.
func DecodeAMF0(b []byte) ([]any, error) {
	d := amfDecoder{b: b, nodes: amfNodes}
	var vs []any
	for len(d.b) > 0 {
		v, err := d.value(amfDepth)
		if err != nil {
			return vs, fmt.Errorf("AMF value %d: %w", len(vs), err)
		}
		vs = append(vs, v)
	}
	return vs, nil
}

var (
	errAMFDepth = fmt.Errorf("values nest deeper than %d", amfDepth)
	errAMFNodes = fmt.Errorf("more than %d values", amfNodes)
	errAMFEnd   = errors.New("object without an end")
)

// amfDecoder takes values from the front of b until nodes is used up.
type amfDecoder struct {
	b     []byte
	nodes int
}

// value takes one value that may nest depth levels.
func (d *amfDecoder) value(depth int) (any, error) {
	if depth == 0 {
		return nil, errAMFDepth
	}
	if d.nodes--; d.nodes < 0 {
		return nil, errAMFNodes
	}
	m, err := d.take(1)
	if err != nil {
		return nil, err
	}
	switch m[0] {
	case amfNumber:
		return d.number()
	case amfDate:
		return d.date()
	case amfBoolean:
		b, err := d.take(1)
		return err == nil && b[0] != 0, err
	case amfString:
		return d.text(2)
	case amfLongString, amfXML:
		return d.text(4)
	case amfNull, amfUndefined, amfUnsupported:
		return nil, nil //nolint:nilnil // null is a value
	case amfReference:
		_, err := d.take(2)
		return nil, err
	case amfObject:
		return d.object(depth - 1)
	case amfTypedObject:
		if _, err := d.text(2); err != nil {
			return nil, err
		}
		return d.object(depth - 1)
	case amfECMAArray:
		if _, err := d.take(4); err != nil { // a count, which is but a hint
			return nil, err
		}
		return d.object(depth - 1)
	case amfStrictArray:
		return d.array(depth - 1)
	default:
		return nil, fmt.Errorf("marker %#02x is not supported", m[0])
	}
}

// take takes n bytes.
func (d *amfDecoder) take(n int) ([]byte, error) {
	if n > len(d.b) {
		return nil, io.ErrUnexpectedEOF
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b, nil
}

func (d *amfDecoder) number() (float64, error) {
	b, err := d.take(8)
	if err != nil {
		return 0, err
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
}

// date is a number and a time zone that means nothing (section 2.13).
func (d *amfDecoder) date() (float64, error) {
	t, err := d.number()
	if err != nil {
		return 0, err
	}
	_, err = d.take(2)
	return t, err
}

// text takes a string behind its length of size bytes.
func (d *amfDecoder) text(size int) (string, error) {
	b, err := d.take(size)
	if err != nil {
		return "", err
	}
	n := uint64(0)
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	if n > uint64(len(d.b)) {
		return "", io.ErrUnexpectedEOF
	}
	b, err = d.take(int(n))
	return string(b), err
}

// object takes properties up to the end marker.
func (d *amfDecoder) object(depth int) (Object, error) {
	o := Object{}
	for {
		name, err := d.text(2)
		if err != nil {
			return nil, err
		}
		if name == "" {
			end, err := d.take(1)
			if err == nil && end[0] != amfObjectEnd {
				err = errAMFEnd
			}
			return o, err
		}
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		o = append(o, Property{name, v})
	}
}

// array takes a strict array. Its count is only believed as far as bytes and
// budget go.
func (d *amfDecoder) array(depth int) ([]any, error) {
	b, err := d.take(4)
	if err != nil {
		return nil, err
	}
	n := uint64(binary.BigEndian.Uint32(b))
	if n > uint64(len(d.b)) {
		return nil, io.ErrUnexpectedEOF
	}
	if n > uint64(d.nodes) {
		return nil, errAMFNodes
	}
	vs := make([]any, 0, n)
	for range n {
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		vs = append(vs, v)
	}
	return vs, nil
}

// appendAMF0 appends values: nil, bool, float64, int, string, Object, []any.
// What is none of them becomes undefined.
func appendAMF0(dst []byte, values ...any) []byte {
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			dst = append(dst, amfNull)
		case bool:
			dst = append(dst, amfBoolean, 0)
			if v {
				dst[len(dst)-1] = 1
			}
		case float64:
			dst = binary.BigEndian.AppendUint64(append(dst, amfNumber), math.Float64bits(v))
		case int:
			dst = appendAMF0(dst, float64(v))
		case string:
			dst = appendAMFString(dst, v)
		case Object:
			dst = append(dst, amfObject)
			for _, p := range v {
				dst = appendAMFName(dst, p.Name)
				dst = appendAMF0(dst, p.Value)
			}
			dst = append(dst, 0, 0, amfObjectEnd)
		case []any:
			dst = binary.BigEndian.AppendUint32(append(dst, amfStrictArray), uint32(len(v)))
			dst = appendAMF0(dst, v...)
		default:
			dst = append(dst, amfUndefined)
		}
	}
	return dst
}

func appendAMFString(dst []byte, s string) []byte {
	if len(s) > math.MaxUint16 {
		return append(binary.BigEndian.AppendUint32(append(dst, amfLongString), uint32(len(s))), s...)
	}
	return appendAMFName(append(dst, amfString), s)
}

func appendAMFName(dst []byte, s string) []byte {
	s = s[:min(len(s), math.MaxUint16)]
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}
