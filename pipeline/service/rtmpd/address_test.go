package rtmpd

import (
	"strings"
	"testing"

	"weir/pipeline"
)

func TestParseAddress(t *testing.T) {
	tests := []struct {
		app, tcURL, name string
		path, key        string
		err              string
	}{
		{app: "live", name: "studio?key=K", path: "live/studio", key: "K"}, // OBS, ffmpeg
		{app: "live", tcURL: "rtmp://h/live", name: "studio", path: "live/studio"},
		{app: "live/", name: "/studio/?key=K", path: "live/studio", key: "K"},
		{app: "//live//", name: "//studio//", path: "live/studio"},
		{app: "live?key=K", tcURL: "rtmp://h/live?key=K", name: "studio", path: "live/studio", key: "K"},
		{app: "live", tcURL: "rtmp://h/live?key=K", name: "studio", path: "live/studio", key: "K"},
		{app: "live/studio?key=K", name: "", path: "live/studio", key: "K"},
		{app: "live/studio", name: "?key=K", path: "live/studio", key: "K"},
		{app: "live/studio", name: "key=K", path: "live/studio", key: "K"},
		{app: "live/studio?key=K", name: "K", path: "live/studio", key: "K"},
		{app: "live?key=studio", name: "studio", path: "live/studio", key: "studio"},
		{app: "", name: "studio?key=K", path: "studio", key: "K"},
		{app: "a/b", name: "c/d?key=K", path: "a/b/c/d", key: "K"},
		{app: "live", name: "mp4:studio.mp4", path: "live/studio.mp4"},
		{app: "live", name: "flv:studio?key=K", path: "live/studio", key: "K"},
		{app: "live/_definst_", name: "studio", path: "live/studio"},
		{app: "live", name: " studio?key=K \r\n", path: "live/studio", key: "K"},
		{app: "live?key=A", tcURL: "rtmp://h/live?key=B", name: "studio?key=C", path: "live/studio", key: "C"},
		{app: "live", name: "studio?a=b&key=K&c=d", path: "live/studio", key: "K"},
		{app: "live", name: "studio?a=b?key=K", path: "live/studio", key: "K"},
		{app: "live", name: "studio?key=a%2Fb+c", path: "live/studio", key: "a/b+c"},
		{app: "live", name: "studio?key=100%", path: "live/studio", key: "100%"},
		{app: "live", name: "studio?token=K", path: "live/studio"},
		{app: "live", name: "studio?monkey=K", path: "live/studio"},
		{app: "", name: "", err: "the address names no stream: publish to app/name"},
		{app: "live", name: "../etc", err: "the stream's address is not valid"},
		{app: "live", name: "a b", err: "the stream's address is not valid"},
		{app: "live", name: "%2e%2e", err: "the stream's address is not valid"},
		{app: "a/b/c/d", name: "e", err: "the stream's address is not valid"},
		{app: "live", name: "stu\x00dio", err: "the stream's address is not valid"},
	}
	for _, tt := range tests {
		t.Run(tt.app+" "+tt.name, func(t *testing.T) {
			got, err := parseAddress(tt.app, tt.tcURL, tt.name)
			path, key := got.path, got.key
			if path != tt.path || key.Reveal() != tt.key || !strings.HasPrefix(errText(err), tt.err) || (tt.err == "") != (err == nil) {
				t.Errorf("got %q, %q, %v; want %q, %q, %q", path, key.Reveal(), err, tt.path, tt.key, tt.err)
			}
		})
	}
}

func TestQueries(t *testing.T) {
	for _, c := range []struct{ app, tcURL, name, query string }{
		{"live", "rtmp://h/live?a=1", "studio?token=K", "token=K"},
		{"live?user=u&pass=p", "rtmp://h/live?user=u&pass=p", "studio", "user=u&pass=p"},
		{"live", "rtmp://h/live?a=1", "studio", "a=1"},
		{"live", "", "studio", ""},
		{"live", "", "key=K", "key=K"},
	} {
		if got, err := parseAddress(c.app, c.tcURL, c.name); err != nil || got.query.Reveal() != c.query {
			t.Errorf("%+v: %q, %v", c, got.query.Reveal(), err)
		}
	}
}

// FuzzAddress: whatever a peer says, the path is valid, and there is one or an
// error.
func FuzzAddress(f *testing.F) {
	f.Add("live", "rtmp://h/live", "studio?key=K")
	f.Add("live/studio?key=K", "", "K")
	f.Add("a/b", "rtmp://h/a/b?key=x%2Fy", "mp4:c.mp4")
	f.Add("", "", "?key=../..")
	f.Fuzz(func(t *testing.T, app, tcURL, name string) {
		got, err := parseAddress(app, tcURL, name)
		path, key := got.path, got.key
		if err != nil {
			if path != "" || !key.Empty() || !got.query.Empty() {
				t.Errorf("%q and a key beside the error %v", path, err)
			}
			return
		}
		if err := pipeline.ValidPath(path); err != nil {
			t.Errorf("path %q: %v", path, err)
		}
	})
}
