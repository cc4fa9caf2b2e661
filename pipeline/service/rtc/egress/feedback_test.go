package egress

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtcp"
)

func TestKeyframes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		audio := StreamParams{SSRC: 2000, PayloadType: 111, Rate: 48000}
		v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, audio, h.video())
		v.feed(&rtcp.PictureLossIndication{MediaSSRC: 1000}, &rtcp.PictureLossIndication{MediaSSRC: 1000}, &rtcp.PictureLossIndication{MediaSSRC: 4})
		synctest.Wait()
		if ev := h.expect(Keyframe); ev[0].Stream != v.session.Stream(1) {
			t.Errorf("%+v", ev[0])
		}
		v.feed(&rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: 1000, SequenceNumber: 3}, {SSRC: 77}}})
		synctest.Wait()
		h.expect(Keyframe)
		if n := v.session.Stats().Keyframes; n != 3 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
		v.feed(&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 2_500_000, SSRCs: []uint32{1000}})
		synctest.Wait()
		if ev := h.expect(Bandwidth); ev[0].Bitrate != 2_500_000 {
			t.Errorf("%+v", ev[0])
		}
	})
}

func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		audio := StreamParams{SSRC: 2000, PayloadType: 111, Rate: 48000}
		v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video(), audio)
		h.expect()
		time.Sleep(3 * time.Second)
		h.expect()
		if n := len(v.reports()); n != 0 {
			t.Fatalf("%d packets of RTCP before any media", n)
		}
		h.send(h.film.frame(0, 1, 270_000, 100, 200), v.session.Stream(0))
		time.Sleep(lookEvery)
		h.expect()
		synctest.Wait()
		media := v.packets()[0]
		got := v.reports()
		if len(got) != 2 {
			t.Fatalf("%v", got)
		}
		sr := got[0].(*rtcp.SenderReport)
		// The session was opened, and its epoch, 3.05 s ago.
		if late := sr.RTPTime - media.Timestamp; sr.SSRC != 1000 || sr.PacketCount != 2 || sr.OctetCount != 300 || late != 4500 {
			t.Errorf("%+v, %d ticks late", sr, late)
		}
		name := got[1].(*rtcp.SourceDescription)
		if name.Chunks[0].Source != 1000 || name.Chunks[0].Items[0].Text != "weir" {
			t.Errorf("%v", name)
		}
		h.send(h.film.frame(0, 1, 0, 50), v.session.Stream(1))
		time.Sleep(reportEvery)
		h.expect()
		synctest.Wait()
		if got := v.reports(); len(got) != 3 || got[1].(*rtcp.SenderReport).SSRC != 2000 {
			t.Errorf("%v", got)
		}

		time.Sleep(100 * time.Millisecond)
		v.feed(&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{
			SSRC: 1000, FractionLost: 64, TotalLost: 5, Jitter: 900,
			LastSenderReport: uint32(sr.NTPTime >> 16), Delay: 65536, // a second
		}}})
		synctest.Wait()
		r := h.expect(Reception)[0].Report
		if r.Loss != 0.25 || r.Lost != 5 || r.Jitter != 10*time.Millisecond || (r.RTT-100*time.Millisecond).Abs() > time.Millisecond {
			t.Errorf("%+v", r)
		}
		if got := v.session.Stats().RTT; got != r.RTT {
			t.Errorf("RTT %v", got)
		}
	})
}

func TestArrivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
		for i := range uint16(6) {
			h.send(h.film.frame(0, i, 0, 100), v.session.Stream(0))
			time.Sleep(10 * time.Millisecond)
		}
		feedback := &rtcp.TransportLayerCC{
			Header:    rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: 6},
			MediaSSRC: 1000, BaseSequenceNumber: 1, PacketStatusCount: 6, ReferenceTime: 100,
			PacketChunks: []rtcp.PacketStatusChunk{
				&rtcp.StatusVectorChunk{Type: rtcp.TypeTCCStatusVectorChunk, SymbolSize: rtcp.TypeTCCSymbolSizeTwoBit, SymbolList: []uint16{1, 0, 2, 1, 1, 1, 0}},
			},
			RecvDeltas: []*rtcp.RecvDelta{
				{Type: 1, Delta: 4000}, {Type: 2, Delta: -1000}, {Type: 1, Delta: 250}, {Type: 1, Delta: 500}, {Type: 1, Delta: 750},
			},
		}
		v.feed(feedback)
		synctest.Wait()
		got := h.expect(Arrivals)[0].Arrivals
		base := 6400 * time.Millisecond
		us := time.Microsecond
		want := []Arrival{
			{Sequence: 1, Received: base + 4000*us},
			{Sequence: 2, Lost: true},
			{Sequence: 3, Received: base + 3000*us},
			{Sequence: 4, Received: base + 3250*us},
			{Sequence: 5, Received: base + 3750*us},
			{Sequence: 6, Received: base + 4500*us},
		}
		if len(got) != len(want) {
			t.Fatalf("%v", got)
		}
		for i, w := range want {
			g := got[i]
			known := g.Sequence < 6 // there was no sixth
			if g.Sequence != w.Sequence || g.Lost != w.Lost || !w.Lost && g.Received != w.Received || (g.Size > 0) != known {
				t.Errorf("%+v, want %+v", g, w)
			}
			if known && i > 0 && g.Sent-got[i-1].Sent != 10*time.Millisecond {
				t.Errorf("%d sent %v after the one before", i, g.Sent-got[i-1].Sent)
			}
		}
		if size := got[0].Size; size != 12+4+8+100+16 { // no capture time
			t.Errorf("size %d", size)
		}
	})
}

func TestReferenceTime(t *testing.T) {
	r := referenceTime{}
	for _, c := range []struct {
		in   uint32
		want int64
	}{{0xfffffe, 0xfffffe}, {1, 0x1000001}, {0xffffff, 0xffffff}, {5, 0x1000005}} {
		if got := r.unwrap(c.in); got != c.want {
			t.Errorf("%#x: %#x, want %#x", c.in, got, c.want)
		}
	}
}

// One viewer's feedback cannot fill the mailbox of all.
func TestMailboxIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{Mailbox: 12 << 10})
		loud := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
		quiet := h.join("198.51.100.2:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
		var pairs []rtcp.NackPair
		for i := range uint16(250) {
			pairs = append(pairs, rtcp.NackPair{PacketID: i * 17, LostPackets: 0xffff})
		}
		for range 50 {
			loud.feed(&rtcp.TransportLayerNack{MediaSSRC: 1000, Nacks: pairs})
		}
		quiet.feed(&rtcp.PictureLossIndication{MediaSSRC: 1000})
		synctest.Wait()
		if n := len(h.sender.mailbox.mail.bytes); n > maxPostage+12 {
			t.Errorf("%d bytes in the mailbox", n)
		}
		if ev := h.expect(Keyframe); ev[0].Session != quiet.session {
			t.Errorf("%+v", ev)
		}
		if st := loud.session.Stats(); st.OverBudget < st.Nacked-maxNacks {
			t.Errorf("%+v", st)
		}
	})
}

// What comes from the wire can be cut, repeated and mixed as one likes.
func FuzzRTCP(f *testing.F) {
	tcc := &rtcp.TransportLayerCC{
		Header:             rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: 5},
		BaseSequenceNumber: 1, PacketStatusCount: 7,
		PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: 1, RunLength: 7}},
	}
	for range 7 {
		tcc.RecvDeltas = append(tcc.RecvDeltas, &rtcp.RecvDelta{Type: 1, Delta: 250})
	}
	tcc.Header.Length = uint16(tcc.MarshalSize()/4 - 1)
	for _, p := range [][]rtcp.Packet{
		{tcc},
		{&rtcp.TransportLayerNack{MediaSSRC: 1000, Nacks: []rtcp.NackPair{{PacketID: 1, LostPackets: 5}}}},
		{&rtcp.PictureLossIndication{MediaSSRC: 1000}, &rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: 1000}}}},
		{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 1000}}}, &rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1e6}},
		{&rtcp.SenderReport{Reports: []rtcp.ReceptionReport{{SSRC: 1000}}}},
	} {
		b, err := rtcp.Marshal(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	e, err := New(Config{})
	if err != nil {
		f.Fatal(err)
	}
	film, sender := newFilm(), e.NewSender()
	_, print := certificate(f)
	s, err := sender.Open(SessionParams{Fingerprints: []string{print}, Streams: []StreamParams{{
		SSRC: 1000, PayloadType: 96, RTXSSRC: 1001, RTXPayloadType: 97, Rate: 90000, History: film,
	}}})
	if err != nil {
		f.Fatal(err)
	}
	if err := s.secure(make([]byte, 16), make([]byte, 12), dtls.SRTP_AEAD_AES_128_GCM); err != nil {
		f.Fatal(err)
	}
	hub := newHub()
	s.path.Store(newPath(origin{socket: e.Attach(hub.port(serverAddr)), addr: hub.port("198.51.100.1:4000").at()}))
	s.state.Store(uint32(Live))
	sender.Send(film.frame(0, 0, 0, 10, 10, 10), []*Stream{s.Stream(0)})
	f.Fuzz(func(t *testing.T, b []byte) {
		sender.Poll()
		given := bytes.Clone(b)
		sender.read(s, b, time.Now(), e.now())
		if !bytes.Equal(given, b) {
			t.Error("input changed")
		}
		if len(sender.arrivals) > maxArrivals || len(sender.events) > len(b) {
			t.Errorf("%d arrivals, %d events of %d bytes", len(sender.arrivals), len(sender.events), len(b))
		}
		// What the library understands as one transport-wide feedback means the same here.
		var want rtcp.TransportLayerCC
		if len(b) < 4 || b[0] != 0x80|rtcp.FormatTCC || want.Unmarshal(b) != nil || want.MarshalSize() != len(b) || want.PacketStatusCount > maxArrivals {
			return
		}
		received := 0
		for _, a := range sender.arrivals {
			if !a.Lost {
				received++
			}
		}
		if received > len(want.RecvDeltas) {
			t.Errorf("%d received, %d deltas", received, len(want.RecvDeltas))
		}
	})
}
