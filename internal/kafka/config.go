package kafka

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
)

// Config is how brokers are reached: the part that every client of an app shares.
type Config struct {
	Brokers  []string // "host:port"
	ClientID string
	Rack     string           // empty: none
	TLS      *tls.Config      // nil: plain text
	SASL     []sasl.Mechanism // tried in order
	Logger   *slog.Logger
	Access   *Access // shared by the clients of an app; nil: each its own, see Shared

	// Dial replaces the network, for tests.
	Dial func(ctx context.Context, network, host string) (net.Conn, error)
}

// options are the options of every client.
func (c Config) options(more ...kgo.Opt) []kgo.Opt {
	c = c.Shared()
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(c.ClientID),
		kgo.WithLogger(clientLog{c.Logger}),
		// A changed leader should be seen at once, partitions that were added within the minute.
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.MetadataMaxAge(time.Minute),
		kgo.WithHooks(c.Access),
	}
	if c.Rack != "" {
		opts = append(opts, kgo.Rack(c.Rack))
	}
	if c.Dial != nil {
		opts = append(opts, kgo.Dialer(c.Dial))
	}
	if c.TLS != nil && c.Dial == nil {
		opts = append(opts, kgo.DialTLSConfig(c.TLS))
	}
	for _, m := range c.SASL {
		opts = append(opts, kgo.SASL(mechanism{m, c.Access}))
	}
	return append(opts, more...)
}

// clientLog hands the client's log on. Its information is detail to an app, so it goes to debug.
type clientLog struct{ to *slog.Logger }

// clientLevels: after an error the client goes on by itself; what it cannot mend comes as an error.
var clientLevels = map[kgo.LogLevel]slog.Level{
	kgo.LogLevelError: slog.LevelWarn,
	kgo.LogLevelWarn:  slog.LevelInfo,
}

func (l clientLog) Level() kgo.LogLevel {
	if l.to.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelWarn
}

func (l clientLog) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	at, ok := clientLevels[level]
	if !ok {
		at = slog.LevelDebug
	}
	l.to.Log(context.Background(), at, "kafka client", append([]any{"says", msg}, keyvals...)...)
}
