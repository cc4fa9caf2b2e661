package auth

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/config"
)

func TestTheHookDecidesLast(t *testing.T) {
	var asked atomic.Int32
	answer := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(answer)
	}))
	defer server.Close()
	hooked := func(change func(*config.Access)) *desk {
		return open(t, func(o *Options) {
			o.Settings.Hook.URL, o.Settings.Hook.Cache, o.Settings.Hook.Timeout = secretOf(server.URL), 0, 10*time.Second
			o.Dial = new(net.Dialer).DialContext
			if change != nil {
				change(&o.Settings)
			}
		})
	}
	d := hooked(nil)
	try := func(d *desk, token string) access.Why {
		_, err := d.Allow(t.Context(), access.Request{Action: access.Publish, Path: "live/a", Remote: elsewhere(), Token: secretOf(token), Keys: []pipeline.Secret{secretOf("own-key")}})
		return whyOf(err)
	}
	if why := try(d, "own-key"); why != "" || asked.Load() != 0 {
		t.Error("it is asked about what is known", why)
	}
	if why := try(d, "foreign"); why != "" || asked.Load() != 1 {
		t.Error(why, asked.Load())
	}
	answer = http.StatusForbidden
	if why := try(d, "foreign"); why != access.Wrong {
		t.Error(why)
	}
	answer = http.StatusInternalServerError
	if why := try(d, "foreign"); why != access.Unavailable {
		t.Error("it fails open", why)
	}
	if why := try(hooked(func(a *config.Access) { a.Hook.Open = true }), "foreign"); why != "" {
		t.Error(why)
	}
	answer = http.StatusForbidden
	if _, err := hooked(func(a *config.Access) { a.Play = "anyone" }).Allow(t.Context(), access.Request{Action: access.Play, Path: "live/a", Remote: elsewhere()}); err == nil {
		t.Error("anyone may watch although the hook says no")
	}
}
