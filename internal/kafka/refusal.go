package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// RefusedError is a broker that does not let the app in.
type RefusedError struct {
	Broker string // "host:port", or those that it is one of
	Field  string // of the app's config that has to do with it
	Fix    string
	Err    error

	unclear bool     // it may also be a broker that is starting
	ask     question // whether it is what it looks like; nil: nothing can be asked
}

// Error names the broker, the cause, the field and the fix.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("broker %s does not let this app in: %v: Config.%s: %s", e.Broker, e.Err, e.Field, e.Fix)
}

// Unwrap is the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// explain says why a broker refuses, or returns nil for an error that is something else. Connecting
// says that it comes from a connection that was not usable yet.
func (a *Access) explain(err error, connecting bool) *RefusedError {
	if refused := a.explainSASL(err, connecting); refused != nil {
		return refused
	}
	if a.tls {
		return explainTLS(err, connecting)
	}
	return explainPlain(err)
}

// explainPlain is for an app that speaks without TLS.
func explainPlain(err error) *RefusedError {
	const fix = "the broker seems to expect TLS on this port: set it, or use the port of a plain-text listener"
	if strings.Contains(err.Error(), "tls alert record") {
		return &RefusedError{Field: "TLS", Fix: fix, Err: err}
	}
	if eof, ok := errors.AsType[*kgo.ErrFirstReadEOF](err); ok && strings.Contains(eof.Error(), "api versions") {
		return &RefusedError{Field: "TLS", Fix: fix, Err: err, unclear: true, ask: speaksTLS}
	}
	return nil
}

func explainTLS(err error, connecting bool) *RefusedError {
	refused := &RefusedError{Field: "TLS", Err: err}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		refused.Fix = "the broker's certificate is not valid now: renew it at the broker, or set this machine's clock right"
		return refused
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		refused.Fix = "the broker's certificate is for other names: connect by one of them, set ServerName, or have the certificate name this host"
		return refused
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		refused.Fix = "the broker's certificate is of an authority that is not trusted here: add the authority's certificate to RootCAs"
		return refused
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		refused.Fix = "the broker's certificate cannot be trusted: mend it at the broker, or set RootCAs and ServerName"
		return refused
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		refused.Fix = plainPort
		return refused
	}
	if strings.Contains(err.Error(), "tls: ") {
		refused.Fix = "the broker and this app do not agree: check Certificates (the broker may ask for one), MinVersion and MaxVersion"
		return refused
	}
	if eof, ok := errors.AsType[*kgo.ErrFirstReadEOF](err); ok && strings.Contains(eof.Error(), "after a dial") {
		refused.Fix, refused.unclear, refused.ask = plainPort, true, speaksPlain
		return refused
	}
	if connecting && timedOut(err) && !dialing(err) {
		refused.Fix, refused.unclear, refused.ask = plainPort, true, speaksPlain
		return refused
	}
	return nil
}

const plainPort = "the broker does not seem to speak TLS on this port: use the port of its TLS listener, or leave it nil"

func timedOut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// dialing says whether there was no connection yet, not even one of TCP.
func dialing(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// authError is what a mechanism itself found wrong.
type authError struct {
	mechanism string
	err       error
}

func (e *authError) Error() string { return e.mechanism + ": " + e.err.Error() }
func (e *authError) Unwrap() error { return e.err }

func (a *Access) explainSASL(err error, connecting bool) *RefusedError {
	refused := &RefusedError{Field: "SASL", Err: err}
	if own, ok := errors.AsType[*authError](err); ok {
		refused.Err, refused.unclear = own, true
		refused.Fix = "the mechanism could not answer: check the user and password, or where the token comes from"
		return refused
	}
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		refused.Fix = "the broker does not know the user, or the password or token is wrong or has expired" + a.user()
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		refused.Fix = "the broker does not offer the mechanism: use one that it does (sasl.enabled.mechanisms)"
	case errors.Is(err, kerr.IllegalSaslState):
		refused.Fix = "the broker does not authenticate on this port: use the port of a SASL listener, or leave it empty"
	case !a.sasl:
		eof, ok := errors.AsType[*kgo.ErrFirstReadEOF](err)
		if !ok || !strings.Contains(eof.Error(), "SASL is required") {
			return nil
		}
		refused.Fix, refused.unclear = "the broker seems to expect SASL on this port: set it", true
	case connecting && cutOff(err):
		refused.Fix, refused.unclear = "the broker ended the connection in the middle of authentication: check the user and password or token"+a.user(), true
	default:
		return nil
	}
	return refused
}

// cutOff says whether a connection that was open has ended, TLS and versions being agreed on.
func cutOff(err error) bool {
	if _, ok := errors.AsType[*kgo.ErrFirstReadEOF](err); ok || dialing(err) {
		return false
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

func (a *Access) user() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.identity == "" {
		return ""
	}
	return " (user " + strconv.Quote(a.identity) + ")"
}

func port(n int32) string { return strconv.Itoa(int(n)) }
