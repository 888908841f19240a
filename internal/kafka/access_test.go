package kafka

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var (
	broker7  = kgo.BrokerMetadata{NodeID: 7, Host: "kafka-7", Port: 9093}
	stranger = x509.UnknownAuthorityError{}
)

func (a *Access) answer(key kmsg.Key, err error) {
	a.OnBrokerE2E(broker7, int16(key), kgo.BrokerE2E{ReadErr: err})
}

func newAccess(log io.Writer) *Access {
	a := Config{Brokers: []string{"kafka-1:9093"}, Logger: slog.New(slog.NewTextHandler(log, nil))}.Shared().Access
	a.tls, a.sasl = true, true
	return a
}

type dialer = func(ctx context.Context, network, host string) (net.Conn, error)

// answersPlain is a port that takes a request without TLS and answers it.
func answersPlain(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	go func() {
		defer func() { _ = there.Close() }()
		request := make([]byte, 4<<10) // a pipe's Read takes what one Write wrote
		if _, err := there.Read(request); err == nil {
			_, _ = there.Write([]byte{0, 0, 0, 4, 0, 0, 0, 1})
		}
	}()
	return here, nil
}

func closesAtOnce(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	return here, there.Close()
}

func refusesToListen(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("connection refused")
}

// Only who takes part in a handshake, be it to refuse it, speaks TLS.
func TestPortIsAskedForTLS(t *testing.T) {
	tests := map[string]struct {
		port dialer
		want bool
	}{
		"closes at once":   {closesAtOnce, false},
		"answers in plain": {answersPlain, false},
		"refuses the handshake": {func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				_ = tls.Server(there, &tls.Config{MinVersion: tls.VersionTLS13}).Handshake() // without a certificate
				_ = there.Close()
			}()
			return here, nil
		}, true},
	}
	for name, tt := range tests {
		conn, err := tt.port(t.Context(), "tcp", "")
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if got := speaksTLS(t.Context(), conn); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
		_ = conn.Close()
	}
}

// How long a refusal is put up with depends on whether the app was let in before, and on how clear it is.
func TestRefusalsArePutUpWith(t *testing.T) {
	plain, unclear := error(stranger), error(&kgo.ErrFirstReadEOF{})
	tests := []struct {
		name   string
		inside bool
		port   dialer
		err    error
		until  time.Duration // after which it is final
	}{
		{"at start", false, nil, plain, 0},
		{"at start, a port without TLS", false, answersPlain, unclear, unclearPatience},
		{"at start, a proxy whose broker is away", false, closesAtOnce, unclear, -1},
		{"at start, nobody listens by now", false, refusesToListen, unclear, -1},
		{"while it runs, a port that has lost its TLS", true, answersPlain, unclear, accessPatience},
		{"while it runs, a proxy whose broker is away", true, closesAtOnce, unclear, -1},
		{"an app that was let in before", true, nil, plain, accessPatience},
		{"a password that was changed while it runs", true, nil, kerr.SaslAuthenticationFailed, accessPatience},
		{"brokers that are away", false, nil, errors.New("connection refused"), -1},
		{"what brokers say of records", true, nil, kerr.MessageTooLarge, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAccess(io.Discard)
				a.dial = tt.port
				if tt.inside {
					a.answer(kmsg.Metadata, nil)
				}
				for waited := time.Duration(0); waited <= 2*accessPatience; waited += time.Second {
					a.OnBrokerConnect(broker7, 0, nil, tt.err)
					if final := a.Refused() != nil; final != (tt.until >= 0 && waited >= tt.until) {
						t.Fatalf("final after %v: %v", waited, final)
					}
					time.Sleep(time.Second)
				}
			})
		})
	}
}

// An answer of any broker ends the waiting: one bad broker among good ones is no reason to stop.
func TestAnswerEndsARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccess(io.Discard)
		a.answer(kmsg.Metadata, nil)
		for range 100 {
			a.OnBrokerConnect(broker7, 0, nil, stranger)
			time.Sleep(accessPatience - time.Second)
			if err := a.Refused(); err != nil {
				t.Fatal(err)
			}
			a.answer(kmsg.Fetch, nil)
		}
		a.OnBrokerConnect(broker7, 0, nil, stranger)
		time.Sleep(accessPatience)
		// These say nothing of being let in.
		a.answer(kmsg.ApiVersions, nil)
		a.answer(kmsg.SASLHandshake, nil)
		a.answer(kmsg.SASLAuthenticate, nil)
		a.answer(kmsg.Fetch, io.EOF)
		err := a.Refused()
		if err == nil || !errors.As(err, new(*RefusedError)) || !errors.As(err, new(x509.UnknownAuthorityError)) {
			t.Errorf("got %v, want the refusal with its cause", err)
		}
	})
}

func TestRefusalIsLoggedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		a := newAccess(&log)
		a.answer(kmsg.Metadata, nil)
		for range 70 {
			a.OnBrokerConnect(broker7, 0, nil, stranger)
			time.Sleep(time.Second)
		}
		if n := strings.Count(log.String(), "\n"); n != 3 {
			t.Errorf("%d lines in 70 s, want 3:\n%s", n, log.String())
		}
		for _, part := range []string{"kafka-7:9093", "Config.TLS", "RootCAs"} {
			if !strings.Contains(log.String(), part) {
				t.Errorf("the log does not say %q", part)
			}
		}
	})
}

func TestUserIsKnownFromTheFirstMessage(t *testing.T) {
	tests := []struct{ mechanism, first, want string }{
		{"PLAIN", "\x00bob\x00secret", "bob"},
		{"PLAIN", "zid\x00bob\x00secret", "bob"},
		{"PLAIN", "bob", ""},
		{"SCRAM-SHA-256", "n,,n=bob,r=nonce", "bob"},
		{"SCRAM-SHA-512", "n,,n=a=2Cb=3Dc,r=nonce", "a,b=c"},
		{"OAUTHBEARER", "n,,\x01auth=Bearer n=secret\x01\x01", ""},
		{"GSSAPI", "\x60\x00bob\x00secret", ""},
	}
	for _, tt := range tests {
		if got := userOf(tt.mechanism, []byte(tt.first)); got != tt.want {
			t.Errorf("userOf(%s, %q) = %q, want %q", tt.mechanism, tt.first, got, tt.want)
		}
	}
}
