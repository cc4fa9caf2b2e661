package resttest

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/rest"
)

// Answer is a response that is as the document says.
type Answer struct {
	*httptest.ResponseRecorder
	t testing.TB
}

// Ask sends a request from this machine and checks the response. body is encoded as JSON
// unless it is nil; headers are pairs of names and values.
func Ask(t testing.TB, api *rest.API, method, target string, body any, headers ...string) *Answer {
	t.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	r := httptest.NewRequest(method, target, bytes.NewReader(text))
	r.RemoteAddr = "127.0.0.1:9"
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	Check(t, api, r, w)
	return &Answer{w, t}
}

// Status fails the test unless the answer has that status.
func (a *Answer) Status(want int) *Answer {
	a.t.Helper()
	if a.Code != want {
		a.t.Errorf("status %d, want %d: %s", a.Code, want, a.Body)
	}
	return a
}

// Problem fails the test unless the answer is a problem with that status and code.
func (a *Answer) Problem(status int, code string) *rest.Problem {
	a.t.Helper()
	p := new(rest.Problem)
	a.Status(status).Into(p)
	if p.Code != code {
		a.t.Errorf("code %q, want %q: %s", p.Code, code, a.Body)
	}
	return p
}

// Into decodes the body.
func (a *Answer) Into(v any) *Answer {
	a.t.Helper()
	if err := json.Unmarshal(a.Body.Bytes(), v); err != nil {
		a.t.Errorf("%v in %s", err, a.Body)
	}
	return a
}

// Check holds a response against the document: its status, its media type and, if that is
// JSON, its body.
func Check(t testing.TB, api *rest.API, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	op := operation(api, r)
	if op == nil {
		if w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s %s is not in the document", r.Method, r.URL)
		}
		return
	}
	response := op.Responses[strconv.Itoa(w.Code)]
	if response == nil {
		t.Errorf("%s %s: status %d is not in the document: %s", r.Method, r.URL, w.Code, w.Body)
		return
	}
	if w.Body.Len() == 0 && len(response.Content) == 0 || w.Code == http.StatusNotModified {
		return
	}
	kind, _, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	media := response.Content[kind]
	if err != nil || media == nil {
		t.Errorf("%s %s: a body of type %q is not in the document for %d", r.Method, r.URL, w.Header().Get("Content-Type"), w.Code)
		return
	}
	if kind != "application/json" && !strings.HasSuffix(kind, "+json") || media.Schema == nil {
		return
	}
	var body any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Errorf("%s %s: %v", r.Method, r.URL, err)
		return
	}
	var result huma.ValidateResult
	huma.Validate(api.OpenAPI().Components.Schemas, media.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, body, &result)
	for _, err := range result.Errors {
		t.Errorf("%s %s: %d: %v in %s", r.Method, r.URL, w.Code, err, w.Body)
	}
}

// operation is the one that answers a request, or nil.
func operation(api *rest.API, r *http.Request) *huma.Operation {
	segs := strings.Split(r.URL.EscapedPath(), "/")
	var best *huma.Operation
	fewest := len(segs) + 1
	for path, item := range api.OpenAPI().Paths {
		vars, ok := match(strings.Split(path, "/"), segs)
		if !ok || vars >= fewest {
			continue
		}
		op := map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put,
			http.MethodPatch: item.Patch, http.MethodDelete: item.Delete, http.MethodHead: item.Get,
		}[r.Method]
		if op != nil {
			best, fewest = op, vars
		}
	}
	return best
}

func match(pattern, segs []string) (vars int, ok bool) {
	if len(pattern) != len(segs) {
		return 0, false
	}
	for i, p := range pattern {
		if strings.HasPrefix(p, "{") {
			vars++
			continue
		}
		if text, err := url.PathUnescape(segs[i]); err != nil || text != p {
			return 0, false
		}
	}
	return vars, true
}
