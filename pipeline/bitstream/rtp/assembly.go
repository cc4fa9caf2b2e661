package rtp

import "weir/pipeline/bitstream"

// maxParts is the most fragments that a picture may have: MaxUnit in packets of 512
// bytes.
const maxParts = bitstream.MaxUnit / 512

// assembly gathers the NAL units, OBUs or the frame of one picture from fragments,
// without copying them before it is complete.
type assembly struct {
	parts []part
	units []span
	size  int
	// open: the last unit's end is still to come.
	open bool
}

// part is a fragment, behind a header that was not on the wire as it is here.
type part struct {
	head    [2]byte
	headLen uint8
	data    []byte
}

// span is a unit: the parts from first on.
type span struct{ first, size int }

func (a *assembly) reset() {
	clear(a.parts)
	a.parts, a.units, a.size, a.open = a.parts[:0], a.units[:0], 0, false
}

// begin starts a unit with a header of its own and its first bytes.
func (a *assembly) begin(head, data []byte) error {
	if a.open {
		return malformed("a fragment has no end")
	}
	if len(a.units) >= bitstream.MaxNALs {
		return malformed("access unit of more than %d units", bitstream.MaxNALs)
	}
	a.units = append(a.units, span{first: len(a.parts)})
	a.open = true
	p := part{data: data}
	p.headLen = uint8(copy(p.head[:], head))
	return a.append(p)
}

// add goes on with the unit that is open.
func (a *assembly) add(data []byte) error {
	if !a.open {
		return malformed("a fragment has no beginning")
	}
	return a.append(part{data: data})
}

// end closes the unit.
func (a *assembly) end() { a.open = false }

// whole is a unit in one piece.
func (a *assembly) whole(data []byte) error {
	err := a.begin(nil, data)
	a.end()
	return err
}

func (a *assembly) append(p part) error {
	n := len(p.data) + int(p.headLen)
	if a.size += n; a.size > bitstream.MaxUnit || len(a.parts) >= maxParts {
		return malformed("access unit of more than %d bytes or %d fragments", bitstream.MaxUnit, maxParts)
	}
	a.parts = append(a.parts, p)
	a.units[len(a.units)-1].size += n
	return nil
}

// join is the units, those in one piece as they came, the others in one buffer.
func (a *assembly) join() ([][]byte, error) {
	if a.open {
		return nil, malformed("a fragment has no end")
	}
	units := make([][]byte, len(a.units))
	copied := 0
	for i, u := range a.units {
		if p := a.partsOf(i); len(p) == 1 && p[0].headLen == 0 {
			units[i] = p[0].data
		} else {
			copied += u.size
		}
	}
	buf := make([]byte, 0, copied)
	for i := range a.units {
		if units[i] != nil {
			continue
		}
		start := len(buf)
		for _, p := range a.partsOf(i) {
			buf = append(append(buf, p.head[:p.headLen]...), p.data...)
		}
		units[i] = buf[start:len(buf):len(buf)]
	}
	return units, nil
}

func (a *assembly) partsOf(i int) []part {
	end := len(a.parts)
	if i+1 < len(a.units) {
		end = a.units[i+1].first
	}
	return a.parts[a.units[i].first:end]
}
