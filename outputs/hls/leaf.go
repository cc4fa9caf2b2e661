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
type content [][]byte

// resource is what a snapshot has of that name. due says that it is the part that
// comes next.
func (s *snapshot) resource(n leafName, leaf string) (found content, due bool) {
	switch n.kind {
	case 'i':
		if sec := s.byInitName(leaf); sec != nil {
			return content{sec.bytes}, false
		}
	case 'p':
		if n.token != s.rendition.names.token || s.rendition.names.part(n.number) != leaf {
			return nil, false
		}
		if p := s.byPartNumber(n.number); p != nil {
			return content{p.bytes}, false
		}
		return nil, n.number == s.hint && !s.ended
	default:
		if seg := s.bySegment(n.number, leaf); seg != nil && seg.gap == "" {
			var c content
			for _, p := range seg.parts {
				c = append(c, p.bytes)
			}
			return c, false
		}
	}
	return nil, false
}
