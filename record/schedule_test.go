package record

import (
	"strings"
	"testing"
	"time"
)

func TestSchedule(t *testing.T) {
	at := func(text string) time.Time {
		v, err := time.Parse("Mon 2006-01-02 15:04 -0700", text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	s, err := newSchedule([]Window{
		{From: "20:00", To: "22:30", Days: "mon-wed, sat", Zone: "Europe/Berlin"},
		{From: "23:00", To: "01:00", Days: "fri", Zone: "UTC"},
		{From: "2026-12-24T18:00:00+01:00", To: "2026-12-24T19:00:00+01:00"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"Mon 2026-11-30 19:59 +0100": false,
		"Mon 2026-11-30 20:00 +0100": true,
		"Mon 2026-11-30 21:29 +0000": true,
		"Mon 2026-11-30 21:30 +0000": false,
		"Mon 2026-07-13 18:10 +0000": true, // in summer
		"Thu 2026-12-03 20:00 +0100": false,
		"Sat 2026-12-05 20:00 +0100": true,
		"Fri 2026-12-04 23:00 +0000": true,
		"Sat 2026-12-05 00:59 +0000": true,
		"Sat 2026-12-05 01:00 +0000": false,
		"Fri 2026-12-04 00:30 +0000": false,
		"Thu 2026-12-24 17:30 +0000": true,
		"Fri 2026-12-25 17:30 +0000": false,
	} {
		if s.open(at(text)) != want {
			t.Errorf("%s: open is %v", text, !want)
		}
	}
	if always := (schedule{}); !always.open(time.Now()) {
		t.Error("without a schedule nothing is recorded")
	}
	for field, w := range map[string]Window{
		"from": {From: "8 pm", To: "22:00"},
		"to":   {From: "20:00", To: "2026-12-24T19:00:00Z"},
		"days": {From: "20:00", To: "22:00", Days: "mon-someday"},
		"zone": {From: "20:00", To: "22:00", Zone: "Berlin/Europe"},
	} {
		c := defaults()
		c.Store.Dir, c.Schedule = "x", []Window{w}
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "schedule.0."+field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// What somebody says holds until the schedule changes.
func TestWish(t *testing.T) {
	s, err := newSchedule([]Window{{From: "20:00", To: "22:00", Zone: "UTC"}})
	if err != nil {
		t.Fatal(err)
	}
	at := func(hour int) time.Time { return time.Date(2026, 11, 28, hour, 0, 0, 0, time.UTC) }
	w := &wish{schedule: s}
	for _, step := range []struct {
		hour int
		say  string
		want bool
	}{
		{19, "", false},
		{20, "", true},
		{20, "stop", false},
		{21, "", false},
		{22, "", false},
		{44, "", true},
		{46, "", false},
		{47, "record", true},
		{60, "", true},
		{68, "", true},
		{70, "", false},
	} {
		if step.say != "" {
			w.say(step.say == "record", at(step.hour))
		}
		if got := w.why(at(step.hour)) == ""; got != step.want {
			t.Errorf("hour %d, %q: it records: %v", step.hour, step.say, got)
		}
	}
	manual := &wish{manual: true}
	if manual.why(at(1)) == "" {
		t.Error("it was not told to")
	}
	manual.say(true, at(1))
	if manual.why(at(9)) != "" {
		t.Error("it was told to")
	}
}
