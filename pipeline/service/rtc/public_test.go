package rtc

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// The answer counts that is to the question; anything else on the way is passed over.
func TestPublicAddress(t *testing.T) {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			request := &stun.Message{Raw: append([]byte(nil), buf[:n]...)}
			if request.Decode() != nil {
				return
			}
			mapped := &stun.XORMappedAddress{IP: net.IPv4(203, 0, 113, 7), Port: 4711}
			other, _ := stun.Build(stun.TransactionID, stun.BindingSuccess, mapped)
			refused, _ := stun.Build(stun.NewTransactionIDSetter(request.TransactionID), stun.BindingError)
			right, _ := stun.Build(stun.NewTransactionIDSetter(request.TransactionID), stun.BindingSuccess, mapped)
			for _, answer := range [][]byte{{1, 2, 3}, other.Raw, refused.Raw, right.Raw[:len(right.Raw)-3], right.Raw} {
				_, _ = server.WriteTo(answer, from)
			}
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	at, err := PublicAddress(ctx, server.LocalAddr().String())
	if err != nil || at.String() != "203.0.113.7:4711" {
		t.Errorf("%v, %v", at, err)
	}
	if _, err := PublicAddress(ctx, "127.0.0.1:1"); err == nil {
		t.Error("nobody answers, and there is an address")
	}
}
