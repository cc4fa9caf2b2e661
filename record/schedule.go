package record

import (
	"fmt"
	"strings"
	"time"

	"weir/pipeline"
)

// Window is a time in which is recorded: each day or some days of the week, or once.
type Window struct {
	From string `yaml:"from" json:"from" doc:"When it begins: 20:00, or 2026-12-01T20:00:00+01:00 for once."`
	To   string `yaml:"to" json:"to" doc:"When it ends, written in the same way. A time of day before from is on the next day."`
	Days string `yaml:"days" json:"days" doc:"The days on which it begins, such as mon-fri or sat,sun; all, unless they are named."`
	Zone string `yaml:"zone" json:"zone" doc:"The time zone of times of day, such as Europe/Berlin; that of this machine, unless it is named."`
}

// window is a Window as it is used.
type window struct {
	once     bool
	from, to time.Time // once; else only their clocks count
	days     [7]bool   // on which it begins, from Sunday on
	zone     *time.Location
}

// schedule is when is recorded. An empty one is always open.
type schedule []window

func newSchedule(all []Window) (s schedule, err error) {
	for i, w := range all {
		parsed, err := w.parse()
		if err != nil {
			return nil, below(fmt.Sprintf("schedule.%d", i), err)
		}
		s = append(s, parsed)
	}
	return s, nil
}

const clockLayout = "15:04"

func (w *Window) parse() (p window, err error) {
	const hint = `write {from: "20:00", to: "22:30", days: mon-fri}, or two dates as 2026-12-01T20:00:00Z`
	layout := clockLayout
	if _, err := time.Parse(layout, w.From); err != nil {
		layout, p.once = time.RFC3339, true
	}
	if p.from, err = time.Parse(layout, w.From); err != nil {
		return p, pipeline.Fieldf("from", "%q is neither a time of day nor a date", w.From).WithHint(hint)
	}
	if p.to, err = time.Parse(layout, w.To); err != nil || p.to.Equal(p.from) || p.once && p.to.Before(p.from) {
		return p, pipeline.Fieldf("to", "%q does not end what begins at %q", w.To, w.From).WithHint(hint)
	}
	if p.once && w.Days != "" {
		return p, pipeline.Fieldf("days", "a date has one day").WithHint("take days out")
	}
	if p.days, err = parseDays(w.Days); err != nil {
		return p, err
	}
	p.zone = time.Local // the operator's clock, unless he names another
	if w.Zone != "" {
		if p.zone, err = time.LoadLocation(w.Zone); err != nil {
			return p, pipeline.Fieldf("zone", "there is no time zone %q", w.Zone).WithHint("write Europe/Berlin, or UTC")
		}
	}
	return p, nil
}

// parseDays reads days of the week and ranges of them; none are all.
func parseDays(text string) (days [7]bool, err error) {
	if text == "" {
		return [7]bool{true, true, true, true, true, true, true}, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, to := dayOf(first), dayOf(last)
		if from < 0 || to < 0 {
			return days, pipeline.Fieldf("days", "%q is no day of the week", part).WithHint("write mon-fri, or sat,sun")
		}
		for d := from; ; d = (d + 1) % 7 {
			days[d] = true
			if d == to {
				break
			}
		}
	}
	return days, nil
}

func dayOf(name string) int {
	for d := range 7 {
		if strings.EqualFold(time.Weekday(d).String()[:3], strings.TrimSpace(name)) {
			return d
		}
	}
	return -1
}

// open says whether is recorded at a time.
func (s schedule) open(at time.Time) bool {
	for _, w := range s {
		if w.open(at) {
			return true
		}
	}
	return len(s) == 0
}

func (w *window) open(at time.Time) bool {
	if w.once {
		return !at.Before(w.from) && at.Before(w.to)
	}
	at = at.In(w.zone)
	now, from, to := minutes(at), minutes(w.from), minutes(w.to)
	today := int(at.Weekday())
	if from < to {
		return w.days[today] && from <= now && now < to
	}
	yesterday := (today + 6) % 7
	return w.days[today] && now >= from || w.days[yesterday] && now < to
}

// minutes is how far the day is.
func minutes(t time.Time) int { return t.Hour()*60 + t.Minute() }
