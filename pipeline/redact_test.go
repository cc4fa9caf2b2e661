package pipeline

import (
	"strings"
	"testing"
)

func TestRedactURLs(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"no address", "no address"},
		{"https://host/path", "https://host/path"},
		{"https://user:pass@host:8080/path?key=cnry#cnry", "https://***@host:8080/path?***"},
		{"rtsp://user:pa/ss@host/stream", "rtsp://***@host/stream"},
		{"rtmp://host/app/cnry", "rtmp://host/app/***"},
		{"RTMPS://host:443/app/inst/cnry/", "RTMPS://host:443/app/inst/***"},
		{"rtmp://host", "rtmp://host"},
		{"rtmp://host/", "rtmp://host/"},
		{`push "rtmp://h/a/cnry" and srt://h:1?streamid=cnry, then`, `push "rtmp://h/a/***" and srt://h:1?***`},
		{"http://h/a?b=c@d", "http://***@d"},
	} {
		got := RedactURLs(c.text)
		if !strings.HasPrefix(got, c.want) || strings.Contains(got, "cnry") {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
}
