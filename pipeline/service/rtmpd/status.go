package rtmpd

// The codes of NetStream.onStatus (section 7.2.2) that matter to publishers.
const (
	CodeStart     = "NetStream.Publish.Start"
	CodeBadName   = "NetStream.Publish.BadName"
	CodeDenied    = "NetStream.Publish.Denied"
	CodeFailed    = "NetStream.Publish.Failed"
	CodeUnpublish = "NetStream.Unpublish.Success"
)

// StatusError is a refusal in words, as it is told to a publisher: by a Handler
// that refuses, by [Publisher.Close], and to the caller of [Dial] and
// [Client.Write] by the server.
type StatusError struct {
	// Code is one of the constants above, or what a server made up.
	Code string
	// Text tells a person what is wrong. It must not hold secrets.
	Text string
}

// Error is "text (code)".
func (e *StatusError) Error() string { return e.Text + " (" + e.Code + ")" }

// BadName refuses because of the stream's name: nothing is published there, or
// somebody else publishes.
func BadName(text string) *StatusError { return &StatusError{CodeBadName, text} }

// Denied refuses because of the key.
func Denied(text string) *StatusError { return &StatusError{CodeDenied, text} }

// Failed refuses because of our own state.
func Failed(text string) *StatusError { return &StatusError{CodeFailed, text} }

// onStatus is the body of an onStatus command.
func onStatus(level, code, text string) []byte {
	return appendAMF0(nil, "onStatus", 0, nil, Object{
		{"level", level}, {"code", code}, {"description", text},
	})
}
