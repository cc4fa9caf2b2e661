package rtmpd

import (
	"errors"
	"fmt"
	"strings"
)

// command is a decoded command message (section 7.1.1).
type command struct {
	name        string
	transaction float64
	// args are the command object and what follows it.
	args []any
	// chunk and stream are those of the message.
	chunk, stream uint32
}

// parseCommand decodes a command message.
func parseCommand(m *message) (*command, error) {
	vs, err := DecodeAMF0(m.payload)
	if err != nil {
		return nil, fmt.Errorf("command: %w", err)
	}
	if len(vs) == 0 {
		return nil, errors.New("command without a name")
	}
	c := &command{chunk: m.chunk, stream: m.stream}
	var ok bool
	if c.name, ok = vs[0].(string); !ok {
		return nil, errors.New("command's name is not a string")
	}
	if len(vs) > 1 {
		c.transaction, _ = vs[1].(float64) // some peers leave it out where no answer is wanted
		c.args = vs[2:]
	}
	return c, nil
}

// object is the command object; empty if there is none.
func (c *command) object() Object {
	if len(c.args) == 0 {
		return nil
	}
	o, _ := c.args[0].(Object)
	return o
}

// text is the argument at i, or "" if it is missing or not a string.
func (c *command) text(i int) string {
	if i >= len(c.args) {
		return ""
	}
	s, _ := c.args[i].(string)
	return s
}

// number is the argument at i, or 0.
func (c *command) number(i int) float64 {
	if i >= len(c.args) {
		return 0
	}
	f, _ := c.args[i].(float64)
	return f
}

// with is the message of a command in place of c: same streams and transaction.
func (c *command) with(args ...any) message {
	body := appendAMF0(nil, c.name, c.transaction)
	return message{typ: typeCommand, chunk: c.chunk, stream: c.stream, payload: appendAMF0(body, args...)}
}

// endsPublish says whether c ends a publish.
func (c *command) endsPublish() bool {
	return c.name == "FCUnpublish" || c.name == "deleteStream" || c.name == "closeStream"
}

// hello is what we keep of a connect command.
type hello struct {
	said                bool // connect was seen
	transaction         float64
	app, tcURL, encoder string
	// enhanced: the client lists FourCCs, so it wants ours.
	enhanced bool
}

// parseConnect takes from a connect command what we understand.
func parseConnect(c *command) (hello, error) {
	o := c.object()
	str := func(name string) string { s, _ := o.Get(name).(string); return s }
	h := hello{said: true, transaction: c.transaction, app: str("app"), tcURL: str("tcUrl"), encoder: str("flashVer")}
	if len(h.app) > maxName || len(h.tcURL) > maxName {
		return hello{}, fmt.Errorf("app or tcUrl is longer than %d bytes", maxName)
	}
	h.encoder = strings.ToValidUTF8(h.encoder[:min(len(h.encoder), 64)], "")
	h.enhanced = o.Get("fourCcList") != nil || o.Get("videoFourCcInfoMap") != nil || o.Get("audioFourCcInfoMap") != nil
	return h, nil
}

// connectResult completes what go-rtmp answers to connect with what it does not
// know: that we speak AMF 0 only, and the codecs that Enhanced RTMP names by
// FourCC. They stand in the information object, and also in the properties, where
// some clients look.
func (h *hello) connectResult(c *command) []byte {
	props, info := c.object(), Object(nil)
	if len(c.args) > 1 {
		info, _ = c.args[1].(Object)
	}
	info = append(info, Property{"objectEncoding", 0})
	if h.enhanced {
		const canDecodeEncodeForward = 7
		video := Object{{"avc1", canDecodeEncodeForward}, {"hvc1", canDecodeEncodeForward}, {"av01", canDecodeEncodeForward}}
		audio := Object{{"mp4a", canDecodeEncodeForward}, {"Opus", canDecodeEncodeForward}}
		caps := Object{
			{"fourCcList", []any{"avc1", "hvc1", "av01", "mp4a", "Opus"}},
			{"videoFourCcInfoMap", video},
			{"audioFourCcInfoMap", audio},
			{"capsEx", 0},
		}
		props, info = append(props, caps...), append(info, caps...)
	}
	return appendAMF0(nil, c.name, h.transaction, props, info)
}
