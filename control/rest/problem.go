package rest

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Problem is an error of the API, RFC 9457 section 3 with "code".
type Problem struct {
	Type   string `json:"type" example:"about:blank"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Code is for programs and stays the same for ever; Detail is for a person and says
	// what to do.
	Code   string `json:"code" doc:"A word for programs, which does not change."`
	Detail string `json:"detail,omitempty" doc:"What is wrong and what to do, for a person."`
	// Errors are places in the request.
	Errors []Wrong `json:"errors,omitempty"`
}

// Wrong is one thing that is wrong with a request.
type Wrong struct {
	Location string `json:"location" doc:"Where: body.stages[0].use, query.limit."`
	Message  string `json:"message"`
}

// Fail is the problem that an operation returns as its error.
func Fail(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (*Problem) ContentType(string) string { return "application/problem+json" }

func (p *Problem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a client that is gone needs no answer
}

// codes are what the library's own errors are called.
func codeOf(status int) string {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return "invalid_request"
	case http.StatusNotFound:
		return "not_found"
	case http.StatusNotAcceptable, http.StatusUnsupportedMediaType:
		return "media_type"
	case http.StatusRequestEntityTooLarge:
		return "too_large"
	case http.StatusPreconditionFailed:
		return "changed_meanwhile"
	case http.StatusRequestTimeout:
		return "too_slow"
	default:
		return "internal"
	}
}

func problemOf(status int, message string, errs []error) *Problem {
	p := Fail(status, codeOf(status), message)
	for _, err := range errs {
		var detail *huma.ErrorDetail
		switch {
		case errors.As(err, &detail):
			p.Errors = append(p.Errors, Wrong{Location: detail.Location, Message: detail.Message})
		case err != nil && status < http.StatusInternalServerError: // what is our fault is for the log
			p.Errors = append(p.Errors, Wrong{Message: err.Error()})
		}
	}
	return p
}
