package bitstream

import (
	"slices"

	"weir/pipeline/media"
)

// role is what a NAL unit is to an access unit.
type role uint8

const (
	roleOther role = iota // carried along: SEI, end of sequence, extensions
	roleDrop              // delimiters and filler
	roleVPS
	roleSPS
	rolePPS
	roleSlice     // of a picture that others may refer to
	roleDropSlice // of a picture that none refers to
	roleKeySlice
)

func (r role) set() bool { return r == roleVPS || r == roleSPS || r == rolePPS }

// role says what a NAL unit that is not empty is.
func (p *Params) role(nal []byte) role {
	if p.Codec == media.CodecH264 {
		return h264Role(nal)
	}
	return h265Role(nal, p.maxTID)
}

// normalNALs brings NAL units into normal form, in place. A unit without a slice
// comes back empty: there is no picture in it.
func normalNALs(p *Params, nals [][]byte) (AU, error) {
	var (
		changed [][]byte
		picture pictureRoles
	)
	kept := nals[:0]
	for _, nal := range nals {
		if len(nal) == 0 {
			continue
		}
		r := p.role(nal)
		switch {
		case r == roleDrop:
		case r.set():
			if p.sets.has(nal) {
				continue
			}
			if len(nal) > maxSet || len(changed) == maxSets {
				return AU{}, malformed("parameter sets in an access unit: too many or too long")
			}
			changed = append(changed, nal)
		default:
			picture.add(r)
			kept = append(kept, nal)
		}
	}
	au := AU{Access: kept, Flags: picture.flags()}
	if !picture.any {
		au.Access = nil
	}
	if changed == nil {
		return au, nil
	}
	q, err := p.withSets(changed, au.Flags.Has(media.Key) || !picture.any)
	if err != nil {
		return AU{}, err
	}
	au.Params = q
	return au, nil
}

// pictureRoles gathers the roles of an access unit's NAL units.
type pictureRoles struct{ any, key, ref bool }

func (s *pictureRoles) add(r role) {
	s.any = s.any || r >= roleSlice
	s.key = s.key || r == roleKeySlice
	s.ref = s.ref || r == roleSlice || r == roleKeySlice
}

func (s *pictureRoles) flags() media.Flags {
	f := media.FrameEnd
	if s.key {
		f |= media.Key
	}
	if s.any && !s.ref {
		f |= media.Droppable
	}
	return f
}

func rolesFlags(access [][]byte, of func([]byte) role) media.Flags {
	var s pictureRoles
	for _, nal := range access {
		if len(nal) > 0 {
			s.add(of(nal))
		}
	}
	return s.flags()
}

// withSets is the configuration after sets have arrived in band, none of which p
// has. A new SPS counts at a key picture only, since it cannot be activated
// elsewhere (ITU-T H.264 section 7.4.1.2.1), and makes a new configuration; a new
// PPS replaces the one of its number. Nil if nothing changes.
func (p *Params) withSets(sets [][]byte, key bool) (*Params, error) {
	vps, sps, pps := p.byKind(sets)
	switch {
	case len(sps) > 0 && key:
		if len(vps) == 0 {
			vps = p.sets.vps
		}
		if len(pps) == 0 {
			pps = p.sets.pps
		}
		return p.build(paramSets{vps: vps, sps: sps, pps: pps})
	case len(pps) > 0:
		return p.build(paramSets{vps: p.sets.vps, sps: p.sets.sps, pps: p.replacePPS(pps)})
	default:
		return nil, nil
	}
}

func (p *Params) byKind(sets [][]byte) (vps, sps, pps [][]byte) {
	for _, s := range sets {
		switch p.role(s) {
		case roleVPS:
			vps = appendNew(vps, s)
		case roleSPS:
			sps = appendNew(sps, s)
		case rolePPS:
			pps = appendNew(pps, s)
		default:
		}
	}
	return vps, sps, pps
}

func (p *Params) replacePPS(pps [][]byte) [][]byte {
	out := slices.Clone(p.sets.pps)
	for _, n := range pps {
		id := p.ppsID(n)
		if i := slices.IndexFunc(out, func(o []byte) bool { return p.ppsID(o) == id }); i >= 0 {
			out[i] = n
		} else {
			out = append(out, n)
		}
	}
	return out
}

// ppsID is pps_pic_parameter_set_id, the first element of a PPS.
func (p *Params) ppsID(pps []byte) uint64 {
	header := 1
	if p.Codec == media.CodecH265 {
		header = 2
	}
	r := bitReader{buf: pps[min(header, len(pps)):min(12, len(pps))]}
	return r.ue()
}

func (p *Params) build(s paramSets) (*Params, error) {
	if p.Codec == media.CodecH264 {
		return newH264(s, p.lengthSize, p.limits)
	}
	return newH265(s, p.lengthSize, p.limits)
}

func appendNew(sets [][]byte, set []byte) [][]byte {
	if contains(sets, set) {
		return sets
	}
	return append(sets, set)
}

// checkSets bounds parameter sets that were found in a configuration.
func (s *paramSets) check() error {
	for _, kind := range [][][]byte{s.vps, s.sps, s.pps} {
		if len(kind) > maxSets {
			return malformed("configuration: more than %d parameter sets of a kind", maxSets)
		}
		for _, b := range kind {
			if len(b) > maxSet {
				return malformed("configuration: parameter set of %d bytes", len(b))
			}
		}
	}
	return nil
}

// owned is a copy of all sets in one buffer each, so that a configuration does
// not keep the payload alive in which the sets arrived.
func (s *paramSets) owned() paramSets {
	return paramSets{vps: cloneAll(s.vps), sps: cloneAll(s.sps), pps: cloneAll(s.pps)}
}

func cloneAll(sets [][]byte) [][]byte {
	if len(sets) == 0 {
		return nil
	}
	out := make([][]byte, len(sets))
	for i, b := range sets {
		out[i] = slices.Clone(b)
	}
	return out
}
