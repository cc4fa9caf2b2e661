package hls

import "strings"

// leafName is the name of an init section, a segment or a part, taken apart:
// "video-hd-k3xq7n2p-17.m4s", "video-hd-k3xq7n2p-p85.m4s" or
// "video-hd-k3xq7n2p-i1.mp4".
type leafName struct {
	rendition, token string
	// kind is 'i' for an init section, 'p' for a part, 0 for a segment.
	kind   byte
	number uint64
}

// parseLeaf takes a name apart.
func parseLeaf(leaf string) (leafName, bool) {
	dot := strings.LastIndexByte(leaf, '.')
	if dot < 0 {
		return leafName{}, false
	}
	var n leafName
	rest, last, ok := cutLast(leaf[:dot])
	if !ok || last == "" {
		return leafName{}, false
	}
	if last[0] == 'i' || last[0] == 'p' {
		n.kind, last = last[0], last[1:]
	}
	var err error
	if n.number, err = number(last); err != nil {
		return leafName{}, false
	}
	n.rendition, n.token, ok = cutLast(rest)
	return n, ok && n.rendition != "" && n.token != ""
}

// cutLast cuts around the last hyphen.
func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '-')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// content is something that can be sent, in pieces.
type content []*piece

// found is what a snapshot has of a name.
type found struct {
	content content
	// file is the name of the file that holds it instead.
	file string
	// due says that it is the part that comes next.
	due bool
}

// resource looks up a name.
func (s *snapshot) resource(n leafName, leaf string) found {
	switch n.kind {
	case 'i':
		if sec := s.byInitName(leaf); sec != nil {
			return found{content: content{sec.piece}}
		}
	case 'p':
		names := s.rendition.names
		ours := n.token == names.token
		if names.token = n.token; names.part(n.number) != leaf {
			return found{}
		}
		if p := s.byPart(n.token, n.number); p != nil && p.gap {
			return found{}
		} else if p != nil {
			return found{content: content{p.piece}}
		}
		return found{due: ours && n.number == s.hint && !s.ended}
	default:
		seg := s.bySegment(n.number, leaf)
		if seg == nil || seg.gap != "" {
			return found{}
		}
		if seg.parts == nil {
			return found{file: seg.name}
		}
		var c content
		for _, p := range seg.parts {
			c = append(c, p.piece)
		}
		return found{content: c}
	}
	return found{}
}
