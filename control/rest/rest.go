package rest

import (
	"encoding/json"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// Root is where the API begins.
const Root = "/v1"

// API is the interface for programs. It is an http.Handler for everything below [Root].
type API struct {
	huma.API
	mux *http.ServeMux
}

// New makes an API without operations. guard says who asks.
func New(version string, guard Guard) *API {
	speakProblems()
	config := huma.DefaultConfig("Weir", version)
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil // no links to schemas in answers
	config.Info.Description = "Operate a Weir server. Streams are named by their paths; in a URL, write the slashes of a path as %2F."
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		bearer: {Type: "http", Scheme: "bearer", Description: "An API token, or a JWT."},
		cookie: {Type: "apiKey", In: "cookie", Name: "weir_session", Description: "The session of a signed-in user."},
	}
	mux := http.NewServeMux()
	a := &API{API: humago.New(mux, config), mux: mux}
	a.UseMiddleware(a.admit(guard))
	mux.HandleFunc("GET "+Root+"/openapi.json", a.document)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		Fail(http.StatusNotFound, "not_found", "There is no such resource; "+Root+"/openapi.json lists them.").write(w)
	})
	return a
}

// schemaName is what a type is called in the document. The names of all packages meet
// there, so that those of the lesser ones say where they are from.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	from := t.PkgPath()
	if _, inner, generic := strings.Cut(t.Name(), "["); generic {
		if at := strings.LastIndexByte(inner, '/'); at >= 0 { // of its first parameter
			pkg, _, _ := strings.Cut(inner[at+1:], ".")
			from = inner[:at+1] + pkg
		}
	}
	from = strings.TrimLeft(from, "*[]")
	if base := path.Base(from); strings.Contains(from, "weir/control/") && !slices.Contains([]string{"rest", "api", "observe"}, base) && !strings.HasSuffix(base, "_test") {
		name = strings.ToUpper(base[:1]) + base[1:] + name
	}
	return name
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	a.mux.ServeHTTP(w, r)
}

// document serves the description of the API, to anybody: it is the same everywhere.
func (a *API) document(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
	_ = json.NewEncoder(w).Encode(a.OpenAPI()) // a client that is gone needs no answer
}

// speakProblems makes the library's own errors look like ours. It has one such setting
// for the whole process.
var speakProblems = sync.OnceFunc(func() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return problemOf(status, message, errs)
	}
})
