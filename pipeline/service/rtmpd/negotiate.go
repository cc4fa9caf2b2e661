package rtmpd

import "encoding/binary"

// negotiate is the exchange of commands up to the server's consent.
func (c *Client) negotiate(t *target, encoder string) error {
	err := c.send(3, 0, "connect", 1, Object{
		{"app", t.app},
		{"type", "nonprivate"},
		{"flashVer", encoder},
		{"tcUrl", t.tcURL},
		{"fourCcList", []any{"avc1", "hvc1", "av01", "mp4a", "Opus"}},
	})
	if err != nil {
		return err
	}
	answer, err := c.await(1)
	if err != nil {
		return err
	}
	c.takes = capabilitiesOf(answer)
	ask := binary.BigEndian.AppendUint32(nil, heardEvery)
	if err := c.link.write(message{typ: typeWindowAckSize, chunk: 2, payload: ask}); err != nil {
		return err
	}
	if err := c.send(3, 0, "releaseStream", 2, nil, t.name); err != nil {
		return err
	}
	if err := c.send(3, 0, "FCPublish", 3, nil, t.name); err != nil {
		return err
	}
	if err := c.send(3, 0, "createStream", 4, nil); err != nil {
		return err
	}
	created, err := c.await(4)
	if err != nil {
		return err
	}
	c.stream = uint32(max(0, created.number(1)))
	if err := c.send(4, c.stream, "publish", 5, nil, t.name, "live"); err != nil {
		return err
	}
	_, err = c.await(0)
	return err
}

// send writes a command.
func (c *Client) send(chunk, stream uint32, name string, values ...any) error {
	body := appendAMF0(appendAMF0(nil, name), values...)
	return c.link.write(message{typ: typeCommand, chunk: chunk, stream: stream, payload: body})
}

// await reads until the answer to a transaction, or with 0 until the status that
// accepts a publish. Every refusal on the way is an error.
func (c *Client) await(transaction float64) (*command, error) {
	for {
		cmd, err := c.hear()
		switch {
		case err != nil:
			return nil, unexpected(err)
		case cmd == nil:
		case cmd.name == "onStatus":
			if transaction == 0 && statusOf(cmd).Code == CodeStart {
				return cmd, nil
			}
		case cmd.transaction != transaction || transaction == 0:
		case cmd.name == "_result":
			return cmd, nil
		case cmd.name == "_error":
			return nil, statusOf(cmd)
		}
	}
}

// hear reads one message. It returns a command, nil for anything else, or an
// error; a status of level error is one.
func (c *Client) hear() (*command, error) {
	m, err := c.link.read()
	if err != nil {
		return nil, err
	}
	if m.typ != typeCommand {
		return nil, nil //nolint:nilnil // nothing of interest, nothing wrong
	}
	cmd, err := parseCommand(&m)
	if err != nil || cmd.name != "onStatus" {
		return cmd, err
	}
	if s := statusOf(cmd); s.Code == CodeUnpublish || infoOf(cmd).Get("level") == "error" {
		return nil, s
	}
	return cmd, nil
}

// infoOf is the information object of an answer: the last argument.
func infoOf(cmd *command) Object {
	if len(cmd.args) == 0 {
		return nil
	}
	o, _ := cmd.args[len(cmd.args)-1].(Object)
	return o
}

// statusOf is the server's words in an answer.
func statusOf(cmd *command) *StatusError {
	o := infoOf(cmd)
	s := &StatusError{Code: cmd.name, Text: "the server refused without a word"}
	if v, _ := o.Get("code").(string); v != "" {
		s.Code = v[:min(len(v), 256)]
	}
	if v, _ := o.Get("description").(string); v != "" {
		s.Text = v[:min(len(v), 256)]
	}
	return s
}
