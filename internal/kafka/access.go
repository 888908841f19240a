package kafka

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Access is what an app's clients know of being let in by the brokers. They share one, because how
// long a refusal is put up with depends on whether the app ever was let in: wrong settings should
// end a start at once, but a certificate that was renewed badly while the app runs may be put right.
type Access struct {
	log      *slog.Logger
	tls      bool
	sasl     bool
	brokers  string   // as they were given
	seeds    []string // the same, one by one
	dial     func(ctx context.Context, network, host string) (net.Conn, error)
	patience time.Duration // of an app that was let in before

	mu       sync.Mutex
	inside   bool          // a broker has answered
	refusal  *RefusedError // the last one since then; nil: none
	since    time.Time     // the first one since then
	warned   time.Time
	identity string // the SASL user, as far as the mechanism says
	subject  string // of the client certificate
}

const (
	// accessPatience is how long an app that was let in puts up with being refused by every broker.
	accessPatience = 2 * time.Minute
	// unclearPatience is for what looks like a refusal but may be a broker that is starting.
	unclearPatience = 5 * time.Second
	// warnRefused is how often a refusal is logged.
	warnRefused = 30 * time.Second
)

// Shared is the config with one Access for all clients that are made from it.
func (c Config) Shared() Config {
	if c.Access == nil {
		c.Access = &Access{log: c.Logger, tls: c.TLS != nil, sasl: len(c.SASL) > 0, patience: accessPatience, brokers: "one of " + strings.Join(c.Brokers, ", "), seeds: c.Brokers, dial: c.Dial, subject: subject(c.TLS)}
		if c.Dial == nil {
			c.Access.dial = (&net.Dialer{}).DialContext
		}
	}
	return c
}

var (
	_ kgo.HookBrokerConnect = (*Access)(nil)
	_ kgo.HookBrokerE2E     = (*Access)(nil)
)

// OnBrokerConnect is called by the client after each try to connect, TLS and SASL included.
func (a *Access) OnBrokerConnect(meta kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err == nil {
		return
	}
	if refused := a.explain(err, true); refused != nil {
		refused.Broker = net.JoinHostPort(meta.Host, port(meta.Port))
		a.note(refused)
	}
}

// OnBrokerE2E is called by the client with each answer. Those before SASL has ended say nothing.
func (a *Access) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	switch kmsg.Key(key) {
	case kmsg.ApiVersions, kmsg.SASLHandshake, kmsg.SASLAuthenticate:
		return
	}
	if e2e.Err() != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inside, a.refusal = true, nil
}

func (a *Access) note(refused *RefusedError) {
	if a.noted(refused) {
		a.log.Warn("refused by a broker", "error", refused)
	}
}

// noted says whether it is time to log a refusal.
func (a *Access) noted(refused *RefusedError) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if a.refusal == nil {
		a.since = now
	}
	if refused.Broker == "" {
		refused.Broker = a.brokers
	}
	if a.refusal == nil || refused.Broker != a.brokers {
		a.refusal = refused
	}
	if now.Sub(a.warned) < warnRefused {
		return false
	}
	a.warned = now
	return true
}

// Refused is the refusal that has lasted for too long, or nil. What looks like one, and is of a broker that
// is away, is none.
func (a *Access) Refused() error {
	refused := a.lasting()
	if refused == nil {
		return nil
	}
	if refused.ask == nil || a.settled(refused) {
		return refused
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refusal = nil
	return nil
}

// lasting is the refusal that has lasted for too long, or nil.
func (a *Access) lasting() *RefusedError {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refusal == nil {
		return nil
	}
	patience := a.patience
	if !a.inside {
		patience = 0
		if a.refusal.unclear {
			patience = unclearPatience
		}
	}
	if time.Since(a.since) < patience {
		return nil
	}
	return a.refusal
}

// failed is asked about a request that failed: the refusal that ends the trying, or nil.
func (a *Access) failed(err error) error {
	if refused := a.explain(err, false); refused != nil {
		a.note(refused)
	}
	return a.Refused()
}
