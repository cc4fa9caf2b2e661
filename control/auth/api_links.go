package auth

import (
	"context"
	"html"
	"net/http"
	"net/netip"
	"regexp"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/auth/book"
	"weir/control/auth/link"
	"weir/control/rest"
	"weir/pipeline"
)

type linkInput struct {
	visit
	Stream string `path:"stream" maxLength:"260"`
	Body   struct {
		Expires float64 `json:"expires_seconds" minimum:"60" maximum:"2592000" default:"86400"`
		Kind    string  `json:"kind,omitempty" enum:"watch,embed" default:"watch"`
	}
}

type madeLink struct {
	Body struct {
		URL     string    `json:"url"`
		Expires time.Time `json:"expires_at"`
		Embed   string    `json:"embed_html" doc:"An element that shows the player on another site."`
	}
}

func (a *Auth) registerLinks(api *rest.API) {
	op := rest.Operation(rest.Operate, http.MethodPost, "/streams/{stream}/links", "create-link", "Make a link with which anybody may watch for a while")
	op.DefaultStatus = http.StatusCreated
	huma.Register(api, op, a.createLink)
}

func (a *Auth) createLink(ctx context.Context, in *linkInput) (*madeLink, error) {
	if err := pipeline.ValidPath(in.Stream); err != nil {
		return nil, invalid(err)
	}
	l, err := a.Sign(in.Stream, time.Duration(in.Body.Expires*float64(time.Second)), netip.Addr{})
	if err != nil {
		return nil, a.failed(err)
	}
	page := a.here(in.request) + "/" + in.Stream + "?" + l.Query()
	embed := page + "&embed=1"
	out := new(madeLink)
	out.Body.URL, out.Body.Expires = page, l.Expires.UTC()
	if in.Body.Kind == "embed" {
		out.Body.URL = embed
	}
	out.Body.Embed = `<iframe src="` + html.EscapeString(embed) + `" width="640" height="360" allow="autoplay; fullscreen" style="border:0"></iframe>`
	a.by(ctx, "link made", "stream", in.Stream, "expires", l.Expires)
	return out, nil
}

// here is where a request has come to: its scheme and host; "" if the host is none, so that
// links are relative.
func (a *Auth) here(r *http.Request) string {
	if !regexp.MustCompile(`^[A-Za-z0-9.:\[\]_-]{1,255}$`).MatchString(r.Host) {
		return ""
	}
	if a.lists.secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// Sign makes a link to a stream with the newest key. A valid ip binds it to an address.
func (a *Auth) Sign(stream string, lasting time.Duration, ip netip.Addr) (link.Link, error) {
	x := a.index.Load()
	if len(x.Signers) == 0 {
		err := a.update(func(b *book.Book) error {
			if b.Newest() == nil {
				b.Resign(time.Now())
			}
			return nil
		})
		if err != nil {
			return link.Link{}, err
		}
		x = a.index.Load()
	}
	s := x.Newest()
	return link.Sign(s.Secret, s.ID, stream, time.Now().Add(lasting), ip), nil
}
