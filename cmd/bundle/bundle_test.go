package bundle

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"weir/pipeline"
)

func TestScrub(t *testing.T) {
	s := NewScrubber("cnry plain/1", "cnry", "abc")
	for text, want := range map[string]string{
		"nothing of that kind":                         "nothing of that kind",
		"a cnry plain/1 and cnry%20plain%2F1, abc":     "a *** and ***, abc",
		`{"token":"xyz","keyframe_interval":2}`:        `{"token":"***","keyframe_interval":2}`,
		`{"yaml":"key: xyz\nname: \"a\""}`:             `{"yaml":"key: ***\nname: \"a\""}`,
		`{"text":"{\"secret\":\"xyz\"}"}`:              `{"text":"{\"secret\":\"***\"}"}`,
		"stream_key=xyz&a=b":                           "stream_key=***&a=b",
		"Authorization: Bearer eyJhbGciOi.xyz":         "Authorization: Bearer ***",
		"rtmp://u:p@host/app/xyz?a=b":                  "rtmp://***@host/app/***?***",
		"weir_edge_frames_total{reason=\"keyless\"} 1": "weir_edge_frames_total{reason=\"keyless\"} 1",
	} {
		if got := s.Text(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestSecrets(t *testing.T) {
	type inner struct{ Keys []pipeline.Secret }
	value := struct {
		A      pipeline.Secret
		B      *inner
		C      map[string]any
		hidden pipeline.Secret
	}{A: pipeline.NewSecret("a"), B: &inner{[]pipeline.Secret{pipeline.NewSecret("b"), {}}}, C: map[string]any{"x": pipeline.NewSecret("c")}}
	_ = value.hidden
	if got := strings.Join(Secrets(&value, nil), ""); got != "abc" {
		t.Error(got)
	}
}

func TestArchive(t *testing.T) {
	var b bytes.Buffer
	a := New(&b, NewScrubber("cnry"), time.Unix(1e9, 0))
	a.Text("long.txt", strings.Repeat("cnry ", MaxEntry/4+10), false)
	a.JSON("value.json", map[string]string{"a": "cnry"})
	a.Missing("gone.txt", errors.New("cnry is not there"))
	index, err := a.Close()
	if err != nil || len(index) != 3 || !index[0].Cut || index[0].Bytes != MaxEntry || index[2].Missing != "*** is not there" {
		t.Errorf("%+v, %v", index, err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); err != nil || bytes.Contains(text, []byte("cnry")) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if got := strings.Join(names, " "); got != "long.txt value.json index.json" {
		t.Error(got)
	}
}
