package webhook

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/control/observe"
	"weir/control/rest"
	"weir/control/rest/resttest"
	"weir/pipeline/service/outgoing"
)

func TestResources(t *testing.T) {
	d, err := Open(Options{
		Events: observe.NewLog(), Declared: Declare([]Endpoint{hooked()}), Log: slog.New(slog.DiscardHandler),
		Client: NewClient(new(outgoing.Dialer).DialContext),
	})
	if err != nil {
		t.Fatal(err)
	}
	api := rest.New("1", resttest.Loopback{})
	Register(api, d)
	ask := func(method, url, body string) (int, string, http.Header) {
		r := httptest.NewRequestWithContext(context.Background(), method, "/v1/webhooks"+url, strings.NewReader(body))
		r.RemoteAddr = "127.0.0.1:9"
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		resttest.Check(t, api, r, w)
		return w.Code, w.Body.String(), w.Header()
	}
	status, body, header := ask("POST", "", `{"url":"http://user:cnry_a@127.0.0.1:9/hook?token=cnry_b","events":["output.*"]}`)
	var made Webhook
	if err := json.Unmarshal([]byte(body), &made); err != nil || status != 201 || header.Get("Location") != "/v1/webhooks/"+made.ID || !strings.HasPrefix(made.Secret, "whsec_") {
		t.Fatal(status, body, header)
	}
	declared := d.Statuses()[0].Endpoint.ID
	for _, c := range []struct {
		method, url, body string
		status            int
		want              string
	}{
		{"POST", "", `{"url":"nowhere"}`, 422, `"invalid_webhook"`},
		{"GET", "", "", 200, `"origin":"file"`},
		{"GET", "/" + made.ID, "", 200, `"url":"http://***@127.0.0.1:9/hook?token=***"`},
		{"PATCH", "/" + made.ID, `{"url":"http://***@127.0.0.1:9/hook?token=***","streams":["live/*"]}`, 200, `"streams":["live/*"]`},
		{"PATCH", "/" + made.ID, `{"events":["["]}`, 422, `"invalid_webhook"`},
		{"PATCH", "/" + declared, `{"disabled":true}`, 409, `"declared_in_file"`},
		{"DELETE", "/" + declared, "", 409, `"declared_in_file"`},
		{"POST", "/" + made.ID + "/test", "", 200, "add it to server.outgoing.allow"},
		{"GET", "/" + made.ID + "/deliveries", "", 200, `"type":"webhook.test"`},
		{"PATCH", "/" + made.ID, `{"disabled":true}`, 200, `"state":"disabled"`},
		{"DELETE", "/" + made.ID, "", 204, ""},
		{"GET", "/" + made.ID, "", 404, `"not_found"`},
		{"POST", "/none/test", "", 404, `"not_found"`},
	} {
		if c.url == "/"+made.ID && c.method == http.MethodDelete && d.find(made.ID).endpoint.URL != "http://user:cnry_a@127.0.0.1:9/hook?token=cnry_b" {
			t.Error("what was shown as *** was taken for the url")
		}
		status, body, _ := ask(c.method, c.url, c.body)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %d %s", c.method, c.url, status, body)
		}
		if strings.Contains(body, "cnry") || strings.Contains(body, "whsec_") {
			t.Errorf("%s %s gives a secret away: %s", c.method, c.url, body)
		}
	}
}
