package whep

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"weir/outputs/whep/negotiate"
	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/service/rtc/egress"
)

const (
	sdpType      = "application/sdp"
	fragmentType = "application/trickle-ice-sdpfrag"

	// startWait is how long a viewer waits for a stream that is about to start, and
	// kindWait how long for the kinds of media that he wants, if others are there.
	startWait = 5 * time.Second
	kindWait  = time.Second
)

// leaves are the names that a desk answers to.
func leaves() []string { return []string{"whep", "whep/*", "whep/*/layer"} }

// desk takes the offers for the streams of one definition.
type desk struct {
	registry *registry
	engine   *egress.Engine
	port     Port
	policy   access.Policy
	when     pipeline.When
	wake     func(path string) error
}

func (d *desk) serve(w http.ResponseWriter, r *http.Request, path, leaf string) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Retry-After, WWW-Authenticate")
	id, resource, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(leaf, "whep"), "/"), "/")
	methods := d.methods(path, id, resource)
	answer := methods[r.Method]
	switch {
	case answer != nil:
	case r.Method == http.MethodOptions:
		options(w, methods)
		return
	default:
		h.Set("Allow", allowed(methods))
		answer = func(http.ResponseWriter, *http.Request) error { return errMethod }
	}
	if err := answer(w, r); err != nil {
		problem(w, err)
	}
}

type answering func(http.ResponseWriter, *http.Request) error

// methods are what a resource answers to.
func (d *desk) methods(path, id, resource string) map[string]answering {
	of := func(f func(*desk, http.ResponseWriter, *http.Request, *house, *seat) error) answering {
		return func(w http.ResponseWriter, r *http.Request) error {
			h, _ := d.registry.find(path)
			if h == nil {
				return errNoSession
			}
			st := h.find(id)
			if st == nil {
				return errNoSession
			}
			return f(d, w, r, h, st)
		}
	}
	switch {
	case id == "":
		return map[string]answering{
			http.MethodPost: func(w http.ResponseWriter, r *http.Request) error { return d.post(w, r, path) },
		}
	case resource == "":
		return map[string]answering{http.MethodPatch: of((*desk).patch), http.MethodDelete: of((*desk).remove)}
	default:
		return map[string]answering{http.MethodGet: of((*desk).layers), http.MethodPost: of((*desk).choose)}
	}
}

func allowed(methods map[string]answering) string {
	names := []string{http.MethodOptions}
	for m := range methods {
		names = append(names, m)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func options(w http.ResponseWriter, methods map[string]answering) {
	h, all := w.Header(), allowed(methods)
	h.Set("Access-Control-Allow-Methods", all)
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	h.Set("Access-Control-Max-Age", "86400")
	h.Set("Allow", all)
	if methods[http.MethodPost] != nil {
		h.Set("Accept-Post", sdpType)
	}
	if methods[http.MethodPatch] != nil {
		h.Set("Accept-Patch", fragmentType)
	}
	w.WriteHeader(http.StatusNoContent)
}

// body reads a request's body of the type and size that it may have.
func body(w http.ResponseWriter, r *http.Request, kind string, most int64) ([]byte, error) {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || t != kind {
		return nil, errType
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, errLarge
	case err != nil:
		return nil, errBody
	default:
		return text, nil
	}
}

// post answers an offer. Who may not watch is told that first, and nothing else.
func (d *desk) post(w http.ResponseWriter, r *http.Request, path string) error {
	from, err := d.admit(r, path)
	if err != nil {
		return err
	}
	text, err := body(w, r, sdpType, negotiate.MaxSDP)
	if err != nil {
		return err
	}
	offer, err := negotiate.Parse(text)
	if err != nil {
		return err
	}
	h, err := d.house(r.Context(), path, offer)
	if err != nil {
		return err
	}
	now := h.feed.now.Load()
	wanted, err := layerOf(r.URL.Query().Get("layer"), now)
	if err != nil {
		return err
	}
	playable := now.playable()
	streams := offer.Match(playable)
	if len(streams) == 0 {
		h.count(refusedCodec)
		return &noCodec{offered: offer.Kinds(), tracks: now.tracks, reordered: len(playable) < len(now.tracks)}
	}
	client := from.remote.Addr().Unmap()
	st, err := h.open(offer, streams, wanted, from)
	if err != nil {
		return err
	}
	credentials := st.session.Credentials()
	answer, err := offer.Answer(negotiate.Answer{
		SessionID: sessionNumber(st.id), Ufrag: credentials.Ufrag, Password: credentials.Password,
		Fingerprint: d.engine.Fingerprint(), Candidates: d.candidates(client), CNAME: cname, Streams: streams,
	})
	if err != nil {
		st.leave(endedStream)
		return err
	}
	at := "/" + path + "/whep/" + st.id
	head := w.Header()
	head.Set("Content-Type", sdpType)
	head.Set("Location", at)
	head.Set("ETag", st.etag)
	head.Set("Cache-Control", "no-store")
	for _, link := range d.port.Links(time.Now()) {
		head.Add("Link", link)
	}
	head.Add("Link", "<"+at+`/layer>; rel="urn:ietf:params:whep:ext:core:layer"`)
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(answer)
	return nil
}

// guest is a viewer who has been let in.
type guest struct {
	remote netip.AddrPort
	agent  string
	pass   *access.Pass
}

// admit asks the policy.
func (d *desk) admit(r *http.Request, path string) (guest, error) {
	pass, no := access.Ask(r.Context(), d.policy, access.FromHTTP(r, access.Play, "whep", path))
	if no != nil {
		return guest{}, no
	}
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	return guest{from, access.Printable(r.UserAgent()), pass}, nil
}

// sessionNumber is a positive 63 bit number (RFC 9429 section 5.2.1).
func sessionNumber(id string) uint64 { return binary.BigEndian.Uint64([]byte(id[:8])) >> 1 }

// candidates are the values of a=candidate lines.
func (d *desk) candidates(client netip.Addr) []string {
	var all []string
	for _, line := range d.port.Candidates(client) {
		all = append(all, strings.TrimPrefix(line, "candidate:"))
	}
	return all
}

// house is what runs at path and has something to watch; it is woken if that is how
// it starts.
func (d *desk) house(ctx context.Context, path string, offer *negotiate.Offer) (*house, error) {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	for woken := false; ; {
		h, changed := d.registry.find(path)
		if h == nil && d.when == pipeline.Demanded && !woken {
			if err := d.wake(path); err != nil {
				return nil, errOffline
			}
			woken = true
			continue
		}
		var ready <-chan struct{}
		switch {
		case h != nil:
			h.awake()
			ready = h.feed.ready
		case !woken:
			return nil, errOffline
		}
		select {
		case <-ready:
			h.await(ctx, offer.Kinds())
			return h, nil
		case <-changed:
		case <-ctx.Done():
			return nil, errOffline
		}
	}
}

// await waits a moment for tracks of the kinds that a viewer wants.
func (h *house) await(ctx context.Context, kinds []string) {
	ctx, cancel := context.WithTimeout(ctx, kindWait)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for h.in != nil {
		tracks := h.feed.now.Load().tracks
		missing := slices.ContainsFunc(kinds, func(k string) bool {
			for _, t := range tracks {
				if t.Kind().String() == k {
					return false
				}
			}
			return true
		})
		if !missing || time.Since(h.began) > startWait {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// addressOf is who asks.
func addressOf(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}
