package rest

import (
	"encoding/base64"
	"net/http"
	"sort"
)

// Paging is the part of a list's request that says which page: embed it.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"The most entries of a page."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"What the page before said as next_cursor."`
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next_cursor,omitempty" doc:"The cursor of the next page; left out on the last one."`
}

// PageOf cuts a page out of all entries, which are in the order of their keys. The key
// of an entry names it for good, so that a list may change between two pages.
func PageOf[T any](p Paging, all []T, key func(T) string) (*Page[T], error) {
	after, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil {
		return nil, Fail(http.StatusUnprocessableEntity, "invalid_cursor", "The cursor is none that a page has given.")
	}
	begin := 0
	if p.Cursor != "" {
		begin = sort.Search(len(all), func(i int) bool { return key(all[i]) > string(after) })
	}
	end := min(begin+p.Limit, len(all))
	page := &Page[T]{Items: append([]T{}, all[begin:end]...)}
	if end < len(all) {
		page.Next = base64.RawURLEncoding.EncodeToString([]byte(key(all[end-1])))
	}
	return page, nil
}
