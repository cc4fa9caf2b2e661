package rtmpd

import (
	"errors"
	"fmt"

	"github.com/yutopp/go-rtmp"
	libmsg "github.com/yutopp/go-rtmp/message"
)

// serverName is what clients are told about the server. Old encoders look for a
// Flash Media Server of version 3.
func serverName() rtmp.ResponsePreset {
	return &rtmp.DefaultResponsePreset{
		ServerConnectResultProperties: libmsg.NetConnectionConnectResultProperties{FMSVer: "FMS/3,0,1,123", Capabilities: 31, Mode: 1},
		ServerConnectResultData:       map[string]any{"server": "weir"},
	}
}

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
	return errors.New("play is not supported")
}

// OnUnknownCommandMessage is called for commands that are not legal in the state.
func (*callbacks) OnUnknownCommandMessage(_ uint32, cmd *libmsg.CommandMessage) error {
	return fmt.Errorf("command %.32q out of order", cmd.CommandName)
}
