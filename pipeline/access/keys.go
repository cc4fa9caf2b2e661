package access

import "context"

// Keys is the Policy of a server that has no other: publishers show one of the keys that
// their pipeline declares, or come from this machine if it declares none, and anybody
// may play.
type Keys struct{}

// Allow implements [Policy]. It takes the same time whichever key is right.
func (Keys) Allow(_ context.Context, r Request) (*Pass, error) {
	switch r.Action {
	case Play:
		return &Pass{}, nil
	case Publish:
	default:
		return nil, Refuse(Forbidden, "This is not allowed.")
	}
	declared, ok := false, false
	for _, k := range r.Keys {
		declared = declared || !k.Empty()
		ok = k.Equal(r.Token.Reveal()) || ok
	}
	switch {
	case ok, !declared && r.Remote.Unmap().IsLoopback():
		return &Pass{}, nil
	case !declared:
		return nil, Refuse(Forbidden, "Publishing from other machines needs a key, and this stream has none: set key in its ingest stage.")
	case r.Token.Empty():
		return nil, Refuse(Missing, "The key is missing.")
	default:
		return nil, Refuse(Wrong, "The key is wrong.")
	}
}
