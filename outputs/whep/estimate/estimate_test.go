package estimate

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/pipeline/service/rtc/egress"
)

// path is a link with a queue in front of it, in its own time.
type path struct {
	rate    int64         // bit/s
	queue   time.Duration // what fits the queue
	delay   time.Duration
	jitter  time.Duration
	orderly bool // what is late holds up what was sent after it
	noise   *rand.Rand
	loss    int // one in so many packets; 0 is none

	last time.Duration // when the newest packet arrives
	free time.Duration // when the link has sent all that it holds
	sent int
}

// send is what becomes of a packet.
func (p *path) send(now time.Duration, size int) egress.Arrival {
	a := egress.Arrival{Size: size, Sent: now}
	p.sent++
	start := max(p.free, now)
	if p.loss > 0 && p.sent%p.loss == 0 || start-now > p.queue {
		a.Lost = true
		return a
	}
	p.free = start + time.Duration(int64(size)*8*int64(time.Second)/p.rate)
	wobble := time.Duration(0)
	if p.jitter > 0 {
		wobble = time.Duration(p.sent*7919%1000) * p.jitter / 1000
	}
	arrives := p.free + p.delay + wobble
	if p.orderly {
		arrives = max(arrives-wobble+time.Duration(p.noise.Float64()*float64(p.jitter)), p.last)
	}
	p.last = arrives
	a.Received = arrives.Truncate(250 * time.Microsecond)
	return a
}

// stream sends 30 pictures a second at rate for a while, with feedback every 50 ms.
func stream(e *Estimator, p *path, from, d time.Duration, rate int64) (end time.Duration, least int64) {
	var batch []egress.Arrival
	end, least = from+d, e.Rate()
	fed := from
	for now := from; now < end; now += time.Second / 30 {
		for left := int(rate / 8 / 30); left > 0; left -= 1200 {
			batch = append(batch, p.send(now, min(left, 1200)))
		}
		if now-fed >= 50*time.Millisecond {
			e.Feed(now+p.delay, batch)
			batch, fed = batch[:0], now
			least = min(least, e.Rate())
		}
	}
	return end, least
}

// Each file in testdata is a script: "path" sets the link, "stream" sends at a rate
// for a while, and the estimate is written behind each.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts: ", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { script(t, file) })
	}
}

func script(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	p := &path{rate: 1e9, queue: 300 * time.Millisecond, delay: 20 * time.Millisecond, noise: rand.New(rand.NewPCG(1, 1))}
	e, now := New(2_500_000), time.Duration(0)
	for line := range strings.Lines(string(text)) {
		command, _, _ := strings.Cut(strings.TrimSpace(line), " => ")
		words := strings.Fields(command)
		if len(words) == 0 || words[0] == "#" {
			got.WriteString(line)
			continue
		}
		var rate, ms int64
		switch words[0] {
		case "path":
			set(t, p, words[1:])
			got.WriteString(line)
			continue
		case "start":
			_, err = fmt.Sscan(words[1], &rate)
			e = New(rate * 1000)
			got.WriteString(line)
			continue
		case "stream":
			_, err = fmt.Sscan(words[1]+" "+words[2], &rate, &ms)
		default:
			t.Fatalf("unknown command %q", command)
		}
		if err != nil {
			t.Fatal(command, err)
		}
		var least int64
		now, least = stream(e, p, now, time.Duration(ms)*time.Millisecond, rate*1000)
		fmt.Fprintf(&got, "%s => %d kbit/s, never below %d, %s, %d %% lost\n", command, e.Rate()/1000, least/1000, e.Usage(), int(e.Loss()*100+0.5))
	}
	if os.Getenv("REWRITE") != "" {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got.String() != string(text) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), text)
	}
}

func set(t *testing.T, p *path, words []string) {
	t.Helper()
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		var n int64
		if _, err := fmt.Sscan(value, &n); err != nil {
			t.Fatal(w, err)
		}
		switch key {
		case "rate":
			p.rate = n * 1000
		case "queue":
			p.queue = time.Duration(n) * time.Millisecond
		case "delay":
			p.delay = time.Duration(n) * time.Millisecond
		case "jitter":
			p.jitter = time.Duration(n) * time.Millisecond
		case "orderly":
			p.orderly = n == 1
		case "loss":
			p.loss = int(n)
		default:
			t.Fatal(w)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	e, p := New(1e6), &path{rate: 10e6, queue: time.Second}
	var batch []egress.Arrival
	for i := range 20 {
		batch = append(batch, p.send(time.Duration(i)*10*time.Millisecond, 1200))
	}
	if n := testing.AllocsPerRun(100, func() { e.Feed(0, batch) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever a viewer says, the estimate is a rate.
func FuzzFeed(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8})
	f.Add([]byte("\xff\x00\x80\x7f0000aaaa"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, now := New(1e6), time.Duration(0)
		for len(data) >= 4 {
			a := egress.Arrival{
				Size: int(data[0]), Sent: now, Lost: data[1]&1 == 1,
				Received: time.Duration(int8(data[2])) * time.Duration(data[3]) * time.Millisecond * 100,
			}
			now += time.Duration(data[1]) * time.Millisecond
			data = data[4:]
			e.Feed(now, []egress.Arrival{a})
			if r := e.Rate(); r < Least || r > 1e12 {
				t.Fatalf("estimate %d", r)
			}
		}
	})
}
