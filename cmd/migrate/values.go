package migrate

import (
	"strconv"
	"strings"
	"time"
)

// lasts says whether a text is a duration between two.
func lasts(text string, least, most time.Duration) bool {
	d, err := time.ParseDuration(text)
	return err == nil && d >= least && d <= most
}

// short is a duration without units of which there are none at its end.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// days is a duration that may be in days, in hours.
func days(text string) string {
	before, after, found := strings.Cut(text, "d")
	if n, err := strconv.Atoi(before); found && err == nil && n >= 0 && n < 1e6 {
		if n == 0 && after != "" {
			return after
		}
		return strconv.Itoa(24*n) + "h" + after
	}
	return text
}

// number says whether a text is a whole number between two.
func number(text string, least, most int) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n >= least && n <= most
}
