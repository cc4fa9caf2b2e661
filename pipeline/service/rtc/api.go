package rtc

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/sdp/v3"
	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
	"github.com/pion/webrtc/v4"
)

const (
	// A pair on which nothing was heard for disconnected is in trouble; failed later
	// the publisher is given up. Consent checks come every 5 s (RFC 7675).
	disconnected = 6 * time.Second
	failed       = 9 * time.Second
	keepalive    = 2 * time.Second

	// replayWindow is how far behind the newest a retransmission may be, in packets.
	// pion's own 64 are less than what a publisher without RTX sends in a round trip.
	replayWindow = 4096
)

// newAPI makes what PeerConnections of publishers are made from.
func newAPI(m ice.UDPMux, t ice.TCPMux, log loggers) (*webrtc.API, error) {
	engine, err := mediaEngine()
	if err != nil {
		return nil, fmt.Errorf("register formats: %w", err)
	}
	registry := &interceptor.Registry{}
	reports, err := report.NewReceiverInterceptor()
	if err != nil {
		return nil, fmt.Errorf("make the receiver reports: %w", err)
	}
	feedback, err := twcc.NewSenderInterceptor()
	if err != nil {
		return nil, fmt.Errorf("make the congestion feedback: %w", err)
	}
	// Lost packets are asked for by [Publisher], which sees what has come by RTX too.
	registry.Add(reports)
	registry.Add(feedback)

	host, err := agentNet()
	if err != nil {
		return nil, err
	}
	s := webrtc.SettingEngine{LoggerFactory: log}
	s.SetLite(true)
	s.SetNet(host)
	s.SetICEUDPMux(m)
	networks := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}
	if t != nil {
		s.SetICETCPMux(t)
		networks = append(networks, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
	}
	s.SetNetworkTypes(networks)
	s.SetIncludeLoopbackCandidate(true) // see streamAddresses
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.DisableActiveTCP(true)
	s.SetICETimeouts(disconnected, failed, keepalive)
	s.SetSRTPReplayProtectionWindow(replayWindow)
	return webrtc.NewAPI(
		webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(s), webrtc.WithInterceptorRegistry(registry),
	), nil
}

// registerExtensions adds the header extensions (RFC 8285) that are taken.
func registerExtensions(m *webrtc.MediaEngine) error {
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		uris := []string{sdp.SDESMidURI, sdp.TransportCCURI}
		if kind == webrtc.RTPCodecTypeVideo {
			uris = append(uris, sdp.SDESRTPStreamIDURI, sdp.SDESRepairRTPStreamIDURI)
		}
		for _, uri := range uris {
			if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, kind); err != nil {
				return err
			}
		}
	}
	return nil
}

func payloadName(p webrtc.PayloadType) string { return strconv.Itoa(int(p)) }

// fewInterfaces is a network with the interfaces that agents are to see.
type fewInterfaces struct {
	transport.Net
	list []*transport.Interface
}

// Interfaces implements transport.Net.
func (n fewInterfaces) Interfaces() ([]*transport.Interface, error) { return n.list, nil }

// agentNet is the network of ICE agents: one address of a family is enough for them.
func agentNet() (transport.Net, error) {
	host, err := stdnet.NewNet()
	if err != nil {
		return nil, fmt.Errorf("look at the network: %w", err)
	}
	only := transport.NewInterface(net.Interface{Index: 1, MTU: mtu, Name: "weir", Flags: net.FlagUp})
	for _, a := range streamAddresses() {
		only.AddAddress(&net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())})
	}
	return fewInterfaces{host, []*transport.Interface{only}}, nil
}
