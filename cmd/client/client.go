package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"weir/pipeline"
)

const (
	// patience is how long one answer may take.
	patience = 10 * time.Second
	// maxBody bounds an answer that is understood, in bytes.
	maxBody = 16 << 20
	// pageSize and maxPages bound lists.
	pageSize = 1000
	maxPages = 20
)

// Client asks one server.
type Client struct {
	base  *url.URL
	token pipeline.Secret
	http  *http.Client
}

// New is a client of the server at an address such as http://127.0.0.1:8080. A token is
// sent to no other host, and in clear to none but this machine.
func New(address string, token pipeline.Secret) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("%q is no address of a server\nhelp: write http://127.0.0.1:8080 or https://host", pipeline.RedactURLs(address))
	}
	if u.Scheme == "http" && !token.Empty() && !local(u.Hostname()) {
		return nil, errors.New("the token would go to another machine in clear\nhelp: write https://, or go through a tunnel (ssh -L)")
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return &Client{base: u, token: token, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func local(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || host == "localhost"
}

// Address is the server's, without anything secret.
func (c *Client) Address() string { return c.base.String() }

// Status is an answer that is not 2xx.
type Status struct {
	Code           int
	Title, Explain string // as problem+json has them; may be empty
}

// Error says what the server said, and what to do.
func (s *Status) Error() string {
	text := fmt.Sprintf("the server answers %d %s", s.Code, http.StatusText(s.Code))
	if said := strings.TrimSpace(s.Title + " " + s.Explain); said != "" {
		text += ": " + said
	}
	switch s.Code {
	case http.StatusUnauthorized:
		return text + "\nhelp: --token-file names a file with a token of the server's"
	case http.StatusForbidden:
		return text + "\nhelp: the token may not do that; another one is needed"
	case http.StatusNotFound:
		return text + "\nhelp: is that a weir of this version?"
	default:
		return text
	}
}

// Raw is the body of an answer to a GET, of at most so many bytes; cut says that there
// was more.
func (c *Client) Raw(ctx context.Context, path string, most int64) (body []byte, cut bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.String()+path, http.NoBody)
	if err != nil {
		return nil, false, fmt.Errorf("ask for %s: %w", path, err)
	}
	if !c.token.Empty() {
		req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, false, fmt.Errorf("ask the server: %w", err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return nil, false, fmt.Errorf("read the answer: %w", err)
	}
	if cut = int64(len(body)) > most; cut {
		body = body[:most]
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return body, cut, problem(resp.StatusCode, body)
	}
	return body, cut, nil
}

func problem(code int, body []byte) *Status {
	var said struct{ Title, Detail string }
	_ = json.Unmarshal(body, &said) // whoever else may have answered
	return &Status{code, said.Title, said.Detail}
}

// Get decodes an answer to a GET.
func (c *Client) Get(ctx context.Context, path string, into any) error {
	body, cut, err := c.Raw(ctx, path, maxBody)
	if err != nil {
		return err
	}
	if cut {
		return fmt.Errorf("the answer to %s has more than %d bytes", path, maxBody)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the answer to %s is not understood: %w\nhelp: is that a weir of this version?", path, err)
	}
	return nil
}

// List is all entries of a list, over its pages.
func List[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	var all []T
	cursor := ""
	for range maxPages {
		var page struct {
			Items []T    `json:"items"`
			Next  string `json:"next_cursor"`
		}
		query := url.Values{"limit": {strconv.Itoa(pageSize)}}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		if err := c.Get(ctx, path+"?"+query.Encode(), &page); err != nil {
			return all, err
		}
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	return all, nil
}
