package rtmp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"weir/pipeline/service/outgoing"
	"weir/pipeline/service/rtmpd"
)

// errStalled ends a session in which nothing moves.
var errStalled = errors.New("nothing of what was sent has arrived for some seconds")

// codecError ends a session with a server that does not take what is pushed.
type codecError struct{ codec string }

func (e *codecError) Error() string { return "the target does not take " + e.codec }

// fault is why a target is not live: a word for metrics, a sentence for people, and
// whether trying again is of little use before somebody does something.
type fault struct {
	Reason    string
	Message   string
	Permanent bool
}

// faultOf puts an error into words. There are no secrets in them.
func faultOf(err error) fault {
	var status *rtmpd.StatusError
	var codec *codecError
	var step rtmpd.Step
	if d := (*rtmpd.DialError)(nil); errors.As(err, &d) {
		step = d.Step
	}
	switch {
	case errors.Is(err, errStalled):
		return fault{"stalled", "the target took nothing any more: " + errStalled.Error(), false}
	case errors.As(err, &codec):
		return fault{"codec_unsupported", codec.Error() + ": remove it from enhanced, so that it is converted", true}
	case errors.As(err, &status):
		return refusal(status)
	case step == rtmpd.StepConnect:
		return unreachable(err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return fault{"timeout", "the target has not answered in time", false}
	case step == rtmpd.StepTLS:
		return untrusted(err)
	case step == rtmpd.StepHandshake:
		return fault{"handshake", "whatever listens there does not speak RTMP; if it wants TLS, write rtmps:// (" + short(err) + ")", false}
	case step == rtmpd.StepPublish && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)):
		return fault{"refused_silently", "the target closed the connection when it was told the key: check the stream key, and that nobody else pushes with it", true}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fault{"closed", "the target closed the connection", false}
	default:
		return fault{"connection_lost", "the connection was lost: " + short(err), false}
	}
}

func refusal(s *rtmpd.StatusError) fault {
	said := fmt.Sprintf(" (it says: %s)", clean(s.Error()))
	text := strings.ToLower(s.Code + s.Text)
	switch {
	case s.Code == rtmpd.CodeUnpublish:
		return fault{"ended", "the target has ended the stream: start the broadcast there anew" + said, false}
	case s.Code == rtmpd.CodeBadName:
		return fault{"bad_name", "the target does not take the stream key, or somebody else publishes with it: copy the key from the platform's page" + said, true}
	case s.Code == rtmpd.CodeDenied, strings.Contains(text, "auth"), strings.Contains(text, "denied"), strings.Contains(text, "key"):
		return fault{"auth", "the target does not let us in: copy the stream key from the platform's page" + said, true}
	case strings.Contains(text, "invalidapp"):
		return fault{"bad_app", "there is no such application at the target: check the last part of the url" + said, true}
	default:
		return fault{"rejected", "the target has refused" + said, false}
	}
}

func unreachable(err error) fault {
	var denied *outgoing.DeniedError
	var dns *net.DNSError
	switch {
	case errors.As(err, &denied):
		return fault{"address_denied", denied.Error(), true}
	case errors.As(err, &dns) && dns.IsNotFound:
		return fault{"dns", "no name server knows " + clean(dns.Name) + ": check the url", false}
	case errors.As(err, &dns):
		return fault{"dns", "the address of " + clean(dns.Name) + " could not be found: check this machine's name servers", false}
	case errors.Is(err, syscall.ECONNREFUSED):
		return fault{"connection_refused", "nothing listens at the target's address and port: check the url, or wait until it is back", false}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return fault{"timeout", "the target does not answer: check the url and this machine's firewall", false}
	default:
		return fault{"unreachable", "the target cannot be reached: " + short(err), false}
	}
}

func untrusted(err error) fault {
	var header tls.RecordHeaderError
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &header):
		return fault{"tls", "the target does not speak TLS at this port: write rtmp://, or another port", false}
	case errors.As(err, &name), errors.As(err, &authority), errors.As(err, &invalid):
		return fault{"certificate", "the target's certificate is not to be trusted: " + short(err), true}
	default:
		return fault{"tls", "no TLS connection could be made: " + short(err), false}
	}
}

// short is the innermost error, which says most and names no URL.
func short(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return clean(err.Error())
		}
		err = next
	}
}

// clean is what a peer says, without what may harm a terminal, and not too long.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return s[:min(len(s), 300)]
}
