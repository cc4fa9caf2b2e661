package egress

import (
	"encoding/binary"
	"time"
)

const (
	// reportEvery is the interval of a session's sender reports; the jitter of
	// RFC 3550 section 6.3.5 is for groups, not for one viewer.
	reportEvery = time.Second
	// lookEvery is how often the sessions are looked through for those that are due.
	lookEvery = 50 * time.Millisecond

	typeSDES  = 202
	sdesCNAME = 1
	// maxReport: 8 sender reports of 28 bytes, SDES with a CNAME of 255, and what
	// SRTCP adds.
	maxReport = 8*28 + 12 + 260 + 4 + maxTag
)

// report sends sender reports to sessions that are due.
func (s *Sender) report(now time.Duration) {
	if now-s.reported < lookEvery {
		return
	}
	s.reported = now
	wall := time.Now()
	for _, session := range s.sessions {
		if now-session.reported < reportEvery || session.epoch.IsZero() || session.State() != Live {
			continue
		}
		if way := session.path.Load(); way != nil && s.reportTo(session, way, wall) {
			session.reported = now
		}
	}
}

// reportTo sends a compound packet: a report for each stream that has begun, and the
// name that binds them (RFC 3550 section 6.1). It says whether there was one.
func (s *Sender) reportTo(session *Session, way *path, wall time.Time) bool {
	var plain [maxReport]byte
	b := plain[:0]
	for i := range session.streams {
		if st := &session.streams[i]; st.packets > 0 {
			b = st.appendReport(b, wall)
		}
	}
	if len(b) == 0 {
		return false
	}
	b = appendName(b, binary.BigEndian.Uint32(b[4:]), session.cname)
	w := writer{sender: s, session: session, way: way}
	sealed, err := session.control.EncryptRTCP(w.place()[:0], b, nil)
	if err != nil {
		return false
	}
	w.commit(sealed)
	return true
}

// appendReport appends a sender report: wall is where PTS would be.
func (st *Stream) appendReport(b []byte, wall time.Time) []byte {
	at := st.offset + uint32(st.params.Rate.Ticks(wall.Sub(st.session.epoch)))
	b = append(b, 0x80, typeSR, 0, 6)
	b = binary.BigEndian.AppendUint32(b, st.params.SSRC)
	b = binary.BigEndian.AppendUint64(b, ntp(wall))
	b = binary.BigEndian.AppendUint32(b, at)
	b = binary.BigEndian.AppendUint32(b, st.packets)
	return binary.BigEndian.AppendUint32(b, st.octets)
}

// appendName appends a source description with a CNAME (RFC 3550 section 6.5).
func appendName(b []byte, ssrc uint32, name string) []byte {
	start := len(b)
	b = append(b, 0x81, typeSDES, 0, 0)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = append(b, sdesCNAME, byte(len(name)))
	b = append(append(b, name...), 0)
	for len(b)&3 != 0 {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[start+2:], uint16((len(b)-start)/4-1))
	return b
}
