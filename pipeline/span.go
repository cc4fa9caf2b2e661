package pipeline

import "context"

// Follower is told of the steps of a control operation: a request, a reload. It returns
// the context of what belongs to the step, and what to call at its end, with its error.
type Follower func(ctx context.Context, step string) (context.Context, func(error))

type followerKey struct{}

// Followed is ctx for an operation that f follows.
func Followed(ctx context.Context, f Follower) context.Context {
	return context.WithValue(ctx, followerKey{}, f)
}

// IsFollowed says whether ctx belongs to an operation that somebody follows.
func IsFollowed(ctx context.Context) bool { return ctx.Value(followerKey{}) != nil }

// Step begins a step of the operation that ctx belongs to: "authorize", "first frame". The
// name is one of a few words and says nothing of peers. Without a follower it costs next to
// nothing. It is not for what happens once a unit.
func Step(ctx context.Context, name string) (context.Context, func(error)) {
	f, ok := ctx.Value(followerKey{}).(Follower)
	if !ok {
		return ctx, func(error) {}
	}
	return f(ctx, name)
}
