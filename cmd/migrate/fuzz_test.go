package migrate

import (
	"os"
	"testing"

	"weir/pipeline/config"
)

// Whatever a file says, what is made of it is YAML, or an error says why nothing is.
func FuzzNginx(f *testing.F) {
	seed(f, "nginx.conf")
	f.Add([]byte("rtmp{server{listen [::]:1935;application \"a b\"{live on;push \"\";exec '-f flv rtmp://h/a/${x';}}}"))
	f.Add([]byte("rtmp{server{application a{live on;record all;record_max_size 9999999999G;record_interval 1d;hls on;hls_fragment 0;hls_playlist_length 1y;}}}"))
	f.Add([]byte("rtmp{{{{{{{{{{{{{{{{{{{{"))
	f.Fuzz(func(t *testing.T, text []byte) { readable(t, text, "nginx") })
}

func FuzzMediaMTX(f *testing.F) {
	seed(f, "mediamtx.yml")
	f.Add([]byte("paths: {a: {source: \"rtsp://u:p@h/\u0001\", record: yes, recordPath: \"%\"}, \"~^x/(.*)$\": }"))
	f.Add([]byte("rtmp: no\nhls: no\nwebrtc: no\npaths: [a]\nauthInternalUsers: {a: b}\n"))
	f.Add([]byte("webrtcAdditionalHosts: [\"::\", \"${X}\", 1.2.3.4]\nwebrtcICEServers2: [{url: \"stun:\"}, x]\npathDefaults: {runOnReady: \"-f flv rtmp://h/a/k$\"}\npaths: {all: }"))
	f.Fuzz(func(t *testing.T, text []byte) { readable(t, text, "mediamtx") })
}

func readable(t *testing.T, text []byte, kind string) {
	t.Helper()
	yaml, err := Convert("a file", text, kind)
	if err != nil {
		return
	}
	root, problems := config.ReadTree([]byte(yaml), "made.yaml")
	if len(problems) > 0 || len(root.Field("pipelines").Keys()) == 0 {
		t.Fatalf("%v in\n%s", problems, yaml)
	}
}

func seed(f *testing.F, name string) {
	f.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
}

func TestRecognise(t *testing.T) {
	for text, want := range map[string]string{
		"rtmp {\n": "nginx", "worker_processes 1;\nrtmp\n{": "nginx", "rtmp { # c\nserver {": "nginx",
		"paths:\n  a:\n": "mediamtx", "rtmp: yes\n": "mediamtx", "# c\nhlsAddress: :8888\npaths:\n": "mediamtx",
		"": "", "hello": "", "pipelines:\n  a: b\n": "",
	} {
		if got := Recognise([]byte(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
