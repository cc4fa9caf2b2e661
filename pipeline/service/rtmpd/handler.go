package rtmpd

import (
	"fmt"

	"github.com/yutopp/go-rtmp"
	libmsg "github.com/yutopp/go-rtmp/message"
)

// callbacks is where the library's sixteen callbacks end: one asks, two refuse,
// the others have nothing to do.
type callbacks struct {
	rtmp.DefaultHandler
	admit func() error
}

// OnPublish is called in the state in which a publish is legal.
func (h *callbacks) OnPublish(*rtmp.StreamContext, uint32, *libmsg.NetStreamPublish) error {
	return h.admit()
}

// OnPlay refuses: streams are watched by other protocols.
func (*callbacks) OnPlay(*rtmp.StreamContext, uint32, *libmsg.NetStreamPlay) error {
	return fmt.Errorf("play is not supported")
}

// OnUnknownCommandMessage is called for commands that are not legal in the state.
func (*callbacks) OnUnknownCommandMessage(_ uint32, cmd *libmsg.CommandMessage) error {
	return fmt.Errorf("command %.32q out of order", cmd.CommandName)
}
