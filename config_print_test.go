package pitwheel

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
)

// open is a mechanism that has its password in the open, as a careless one of a user's may.
type open struct{ password string }

func (open) Name() string { return "OPEN" }
func (open) Authenticate(context.Context, string) (sasl.Session, []byte, error) {
	return nil, nil, nil
}

func TestPrintedConfigHasNoSecrets(t *testing.T) {
	const secret = "canary-09c4b1a2"
	c := valid()
	c.CommitInterval = time.Second
	c.SASL = []sasl.Mechanism{open{secret}, &open{secret}, nil}
	c.TLS = &tls.Config{
		ServerName:   secret,
		Certificates: []tls.Certificate{{Certificate: [][]byte{[]byte(secret)}, PrivateKey: secret}},
	}
	c.OnStateChange = func(State, State) {}
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("starting", "config", c, "pointer", &c)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&log, verb+"\n"+verb+"\n", c, &c)
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, secret) || strings.Contains(line, fmt.Sprintf("%x", secret)) {
			t.Error("a secret is shown")
			t.Log(strings.ReplaceAll(line, secret, "SECRET"))
		}
		for _, part := range []string{"page-views", "localhost:9092", "OPEN", "TLS", "set", "CommitInterval"} {
			if !strings.Contains(line, part) {
				t.Errorf("%q does not say %q", line, part)
			}
		}
		if strings.Contains(line, "StateDir") {
			t.Errorf("%q shows a field that is not set", line)
		}
	}
}
