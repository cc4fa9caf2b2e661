package rtc

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

// PublicAddress asks a STUN server, host:port, from which address a datagram of this
// machine reaches it. It is for looking around, without a [Server].
func PublicAddress(ctx context.Context, server string) (netip.AddrPort, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "udp4", server)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("ask %s: %w", server, err)
	}
	defer conn.Close()
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("ask %s: %w", server, err)
	}
	for range 3 {
		if _, err = conn.Write(request.Raw); err != nil {
			break
		}
		at, again := answerOf(ctx, conn, request)
		if at.IsValid() {
			return at, nil
		}
		if err = again; ctx.Err() != nil {
			break
		}
	}
	return netip.AddrPort{}, fmt.Errorf("ask %s: %w", server, err)
}

// answerOf waits a little for the answer to a request.
func answerOf(ctx context.Context, conn net.Conn, request *stun.Message) (netip.AddrPort, error) {
	until := time.Now().Add(discoverAgain)
	if end, ok := ctx.Deadline(); ok && end.Before(until) {
		until = end
	}
	if err := conn.SetReadDeadline(until); err != nil {
		return netip.AddrPort{}, err
	}
	buf := make([]byte, 1500)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return netip.AddrPort{}, err
		}
		m := &stun.Message{Raw: buf[:n]}
		var at stun.XORMappedAddress
		if !isSTUN(m.Raw) || m.Decode() != nil || m.TransactionID != request.TransactionID || m.Type != stun.BindingSuccess || at.GetFrom(m) != nil {
			continue
		}
		if ip, ok := netip.AddrFromSlice(at.IP); ok && at.Port > 0 && at.Port < 1<<16 {
			return netip.AddrPortFrom(ip.Unmap(), uint16(at.Port)), nil
		}
	}
}
