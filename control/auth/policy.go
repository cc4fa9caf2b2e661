package auth

import (
	"context"
	"slices"
	"strings"
	"time"

	"weir/control/auth/book"
	"weir/control/rest"
	"weir/pipeline"
	"weir/pipeline/access"
)

// Allow implements access.Policy. The order is that of the guide: addresses, what is shown,
// the operator's own service, what needs nothing.
func (a *Auth) Allow(ctx context.Context, r access.Request) (*access.Pass, error) {
	if err := pipeline.ValidPath(r.Path); err != nil {
		return nil, access.Refuse(access.Forbidden, "There can be no stream at this path.")
	}
	who := a.lists.peer(r.Remote, r.Forwarded)
	if !a.lists.admits(who.ip) {
		return nil, access.Refuse(access.Forbidden, "The server does not take anybody from this address.")
	}
	pass, err := a.decide(ctx, &r, who)
	if err == nil {
		err = a.quotas.admit(&r, pass.Subject)
	}
	if err != nil {
		return nil, err
	}
	return pass, nil
}

// decide is Allow but for quotas.
func (a *Auth) decide(ctx context.Context, r *access.Request, who peer) (*access.Pass, error) {
	shown := a.shown(ctx, r, who)
	if shown.pass != nil {
		return shown.pass, nil
	}
	if a.hook != nil && !shown.final {
		if !who.local && !a.doors.ready(network(who.ip)) {
			return nil, tooOften()
		}
		return a.consult(ctx, r, who, shown.refusal)
	}
	if pass := a.free(r, who); pass != nil {
		return pass, nil
	}
	return nil, shown.refusal
}

// free is the permission of those who need to show nothing, which is nobody's; nil if
// they do.
func (a *Auth) free(r *access.Request, who peer) *access.Pass {
	switch {
	case r.Action == access.Play && a.settings.Play == "anyone":
		return new(access.Pass)
	case !who.local || a.settings.Loopback == "nobody":
		return nil
	case r.Action == access.Play, r.Action == access.Publish && !declares(r) && !a.index.Load().asks(r.Path):
		return new(access.Pass)
	default:
		return nil
	}
}

// declares says whether the pipeline has keys of its own.
func declares(r *access.Request) bool {
	return slices.ContainsFunc(r.Keys, func(k pipeline.Secret) bool { return !k.Empty() })
}

// verdict is what comes of what somebody shows.
type verdict struct {
	pass    *access.Pass
	refusal *access.Refusal
	// final says that it was ours and no good, so that nobody else need be asked.
	final bool
}

func no(why access.Why, message string) verdict {
	return verdict{refusal: access.Refuse(why, "%s", message)}
}

// better is the verdict that says more of two.
func (v verdict) better(w verdict) verdict {
	rank := func(v verdict) int {
		switch {
		case v.pass != nil:
			return 4
		case v.final:
			return 3
		case v.refusal == nil:
			return 0
		case v.refusal.Why == access.Missing:
			return 1
		default:
			return 2
		}
	}
	if rank(w) > rank(v) {
		return w
	}
	return v
}

// shown decides by what somebody shows. Who has shown much that was wrong must wait before
// he may guess on.
func (a *Auth) shown(ctx context.Context, r *access.Request, who peer) verdict {
	v := a.missing(r)
	for _, secret := range secrets(r) {
		v = v.better(a.secret(ctx, r, secret, who))
	}
	if r.Action == access.Play {
		v = v.better(a.link(r, who))
	}
	v = v.better(a.cookie(r))
	if v.refusal != nil && v.refusal.Why == access.Wrong && !who.local {
		a.doors.take(network(who.ip))
	}
	return v
}

func tooOften() *access.Refusal {
	return access.Refuse(access.Limited, "Too many wrong credentials came from this address. Wait a minute.")
}

func (a *Auth) missing(r *access.Request) verdict {
	if r.Action == access.Play {
		return no(access.Missing, "Watching needs a link, a token, or to be signed in.")
	}
	if !declares(r) && !a.index.Load().asks(r.Path) {
		return no(access.Missing, "Publishing from other machines needs a key, and there is none for this stream: make one with weir key create, or set key where the pipeline takes publishers.")
	}
	return no(access.Missing, "The key is missing: add ?key=… to the stream's name, or send it as a bearer token.")
}

// secrets are the texts that may be a key or a token, each once.
func secrets(r *access.Request) []string {
	var all []string
	for _, s := range []pipeline.Secret{r.Token, r.Password} {
		if text := s.Reveal(); text != "" && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// secret decides by one text.
func (a *Auth) secret(ctx context.Context, r *access.Request, text string, who peer) verdict {
	if r.Action == access.Publish {
		if v := a.ownKey(r, text, who); v.pass != nil || v.final {
			return v
		}
		if v := a.key(r, text); v.pass != nil || v.final {
			return v
		}
	}
	if v := a.ownToken(r, text); v.pass != nil || v.final {
		return v
	}
	if v := a.foreignToken(ctx, r, text); v.pass != nil || v.final {
		return v
	}
	if r.Action == access.Publish {
		return no(access.Wrong, "The key is wrong.")
	}
	return no(access.Wrong, "The token is wrong.")
}

// ownKey decides by the pipeline's own keys, which people may have chosen and others may
// guess.
func (a *Auth) ownKey(r *access.Request, text string, who peer) verdict {
	if !declares(r) {
		return verdict{}
	}
	if !who.local && !a.doors.ready(network(who.ip)) {
		return verdict{refusal: tooOften(), final: true}
	}
	own := false
	for _, k := range r.Keys { // the same time whichever is right
		own = k.Equal(text) || own
	}
	if !own {
		return verdict{}
	}
	return verdict{pass: &access.Pass{Subject: "key of the pipeline"}}
}

// key decides by the publish keys of the book.
func (a *Auth) key(r *access.Request, text string) verdict {
	now := time.Now()
	k := a.index.Load().keys[book.Sum(text)]
	switch {
	case k == nil:
		return verdict{}
	case k.Over(now):
		return final(access.Expired, "The key has expired.")
	case !k.Valid(now):
		return final(access.Expired, "The key is not valid yet.")
	case !book.Matches([]string{k.Stream}, r.Path):
		return final(access.Forbidden, "The key is for another stream.")
	}
	a.use(k.ID)
	return verdict{pass: &access.Pass{Subject: "key:" + k.Name, Expires: k.Expires, Over: a.overs.of("key", k.ID)}}
}

func final(why access.Why, message string) verdict {
	v := no(why, message)
	v.final = true
	return v
}

// token finds an API token. It is nil if there is none, and why says if it is no good.
func (a *Auth) token(text string) (t *book.Token, why *access.Refusal) {
	if t = a.index.Load().tokens[book.Sum(text)]; t == nil {
		return nil, nil
	}
	if t.Over(time.Now()) {
		return t, access.Refuse(access.Expired, "The token has expired.")
	}
	a.use(t.ID)
	return t, nil
}

// ownToken decides by API tokens: admin may do everything, the other scopes of the API
// neither publish nor play.
func (a *Auth) ownToken(r *access.Request, text string) verdict {
	if !strings.HasPrefix(text, book.TokenPrefix) {
		return verdict{}
	}
	t, why := a.token(text)
	switch {
	case t == nil:
		return verdict{}
	case why != nil:
		return verdict{refusal: why, final: true}
	case !slices.Contains(t.Scopes, string(r.Action)) && !slices.Contains(t.Scopes, string(rest.Admin)):
		return final(access.Forbidden, "The token has not the scope "+string(r.Action)+".")
	case len(t.Streams) > 0 && !book.Matches(t.Streams, r.Path):
		return final(access.Forbidden, "The token is for other streams.")
	case inURL(r, text) && slices.ContainsFunc(t.Scopes, book.IsScope):
		return final(access.Forbidden, "A token for the API is not for URLs, which others may see: send it as a bearer token.")
	}
	return verdict{pass: &access.Pass{Subject: "token:" + t.Name, Expires: t.Expires, Over: a.overs.of("token", t.ID)}}
}

// cookie decides by the session of a user: all may play, and from operate on publish.
func (a *Auth) cookie(r *access.Request) verdict {
	secret := cookieOf(r, Cookie)
	if secret == "" {
		return verdict{}
	}
	id, u := a.signedIn(secret)
	switch {
	case u == nil:
		return no(access.Missing, "The session is over: sign in again.")
	case r.Action == access.Publish && !rest.Scope(u.Scope).Includes(rest.Operate):
		return final(access.Forbidden, "Publishing needs the scope operate.")
	case len(u.Streams) > 0 && !book.Matches(u.Streams, r.Path):
		return final(access.Forbidden, "You may not see this stream.")
	}
	return verdict{pass: &access.Pass{Subject: "user:" + u.Name, Over: a.overs.of("session", id)}}
}

// consult asks the operator's own service.
func (a *Auth) consult(ctx context.Context, r *access.Request, who peer, refusal *access.Refusal) (*access.Pass, error) {
	said, err := a.hook.Ask(ctx, question(r, who))
	switch {
	case err != nil && a.settings.Hook.Open:
		a.log.Warn("nobody answers about access, so everybody is let in", "stream", r.Path, "err", err)
		return &access.Pass{Subject: "hook:"}, nil
	case err != nil:
		a.log.Warn("nobody answers about access", "stream", r.Path, "err", err)
		return nil, access.Refuse(access.Unavailable, "Whether this is allowed could not be found out. Try again.")
	case said.Allow:
		return &access.Pass{Subject: "hook:" + said.Subject, Expires: said.Expires}, nil
	case refusal.Why == access.Missing && r.User == "":
		return nil, refusal
	default:
		a.doors.take(network(who.ip))
		return nil, access.Refuse(access.Wrong, "The credentials are wrong.")
	}
}
