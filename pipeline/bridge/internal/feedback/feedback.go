// Package feedback passes on what consumers of a stage's output ask for to what the
// stage reads from.
package feedback

import "weir/pipeline"

// Relay passes the feedback of from on to what feeds to, until stop is called, which
// returns when nothing is running any more. Tracks and layers must have the same
// names on both sides.
func Relay(from *pipeline.Output, to *pipeline.Input) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case f := <-from.Feedback():
				to.Ask(f)
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
