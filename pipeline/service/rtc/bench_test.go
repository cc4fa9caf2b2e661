package rtc_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"

	"weir/pipeline/service/rtc"
)

// What an offer costs that leads to nothing: time to answer and to forget it, and what
// is held meanwhile.
func BenchmarkHalfOpen(b *testing.B) {
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	s, err := rtc.New(rtc.Config{UDP: udp, Limits: rtc.Limits{HalfOpen: 1 << 20}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	text, err := os.ReadFile("testdata/chromium.sdp")
	if err != nil {
		b.Fatal(err)
	}
	publish := func() *rtc.Publisher {
		offer, err := rtc.ParseOffer(text)
		if err != nil {
			b.Fatal(err)
		}
		p, err := s.Publish(b.Context(), offer, netip.MustParseAddr("127.0.0.1"))
		if err != nil {
			b.Fatal(err)
		}
		return p
	}
	b.ReportAllocs()
	for b.Loop() {
		publish().Close(errors.New("enough"))
	}
	b.StopTimer()
	const held = 50
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	var all []*rtc.Publisher
	for range held {
		all = append(all, publish())
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc+after.StackInuse-before.StackInuse)/held/1024, "KiB/held")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/held, "goroutines/held")
	for _, p := range all {
		p.Close(errors.New("enough"))
	}
}
