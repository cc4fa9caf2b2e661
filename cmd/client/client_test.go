package client

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/pipeline"
)

func TestList(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer cnry":
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"title":"Unauthorized","detail":"no token"}`)
		case r.URL.Query().Get("cursor") == "":
			fmt.Fprint(w, `{"items":[1,2],"next_cursor":"c"}`)
		default:
			fmt.Fprint(w, `{"items":[3]}`)
		}
	}))
	defer server.Close()
	c, err := New(server.URL+"/", pipeline.NewSecret("cnry"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := List[int](t.Context(), c, "/v1/x"); err != nil || fmt.Sprint(got) != "[1 2 3]" {
		t.Error(got, err)
	}
	stranger, err := New(server.URL, pipeline.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = List[int](t.Context(), stranger, "/v1/x")
	if err == nil || !strings.Contains(err.Error(), "401 Unauthorized: Unauthorized no token\nhelp: --token-file") {
		t.Error(err)
	}
	if b, cut, err := c.Raw(t.Context(), "/v1/x", 3); err != nil || !cut || string(b) != `{"i` {
		t.Errorf("%s %v %v", b, cut, err)
	}
}

func TestNew(t *testing.T) {
	for address, ok := range map[string]bool{
		"http://127.0.0.1:8080": true, "http://[::1]:8080/": true, "http://localhost": true, "https://example.net": true,
		"http://192.0.2.1": false, "ftp://127.0.0.1": false, "127.0.0.1:8080": false, "": false, "https://u:cnry@host": false,
	} {
		_, err := New(address, pipeline.NewSecret("secret"))
		if (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
		if err != nil && (strings.Contains(err.Error(), "cnry") || !strings.Contains(err.Error(), "help: ")) {
			t.Error(err)
		}
	}
}
