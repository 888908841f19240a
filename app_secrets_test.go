package pitwheel_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// Secrets of the run below: all that an app knows and nobody may read in a log.
const (
	secretPassword = canary
	secretKey      = "canary-6b1e0f3a"
	secretValue    = "canary-c27d9e48"
)

// searchFor fails if a secret stands in the text, in any form that Go prints bytes in.
func searchFor(t *testing.T, text string, secrets ...string) {
	t.Helper()
	for i, secret := range secrets {
		numbers := strings.Trim(fmt.Sprintf("%d", []byte(secret)), "[]")
		for _, form := range []string{secret, hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)), numbers} {
			if at := strings.Index(text, form); at >= 0 {
				// The secret itself stays out of this output too.
				t.Errorf("secret %d stands in the output, behind %q", i, text[max(0, at-200):at])
			}
		}
	}
}

// troubled is a topology in which records fail in every way.
func troubled(t *testing.T, decode, process topology.ErrorPolicy) *topology.Plan {
	t.Helper()
	b := topology.NewBuilder()
	b.Stream(words, topology.OnError(topology.ErrorPolicies{Process: process})).
		TryMapValues(func(_, v string) (string, error) {
			switch {
			case strings.HasSuffix(v, "error"):
				return "", errors.New("not today")
			case strings.HasSuffix(v, "panic"):
				panic("not today")
			case strings.HasSuffix(v, "large"):
				return v + strings.Repeat("x", 2<<20), nil
			}
			return v, nil
		}).
		GroupBy(func(_, v string) string { return v }).Count(topology.As("n")).ToStream().To(counts)
	numbers := topology.NewTopic("numbers", serde.String(), serde.Int64())
	b.Stream(numbers, topology.OnError(topology.ErrorPolicies{Decode: decode})).To(numbers2)
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

var numbers2 = topology.NewTopic("numbers2", serde.String(), serde.Int64())

// TestSecretsAreLoggedAtNoLevel runs an app over TLS with a password, with records that fail in every
// way, commits that fail, a restart that restores and a start that is refused; it reads everything that was logged
// at the lowest level, every error and the printed config.
func TestSecretsAreLoggedAtNoLevel(t *testing.T) {
	ca := newAuthority(t)
	trusting := &tls.Config{RootCAs: ca.pool(), Certificates: []tls.Certificate{ca.issue(nil)}}
	c, b := secretive(t, ca, trusting)
	log := &logged{}
	c.Logger = log.logger()

	record := func(suffixes ...string) func(int) (string, string) {
		return func(i int) (string, string) { return secretKey, secretValue + suffixes[i%len(suffixes)] }
	}
	b.produce("numbers", 3, record(""))
	b.produce("words", 8, record("", "error", "panic", ""))
	b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.IllegalGeneration, Count: 1})
	skipping := troubled(t, topology.Skip(), topology.Skip())
	app, stop := start(t, skipping, c)
	await(t, "the records to be processed", func() bool { return app.Metrics().Processed >= 15 && app.Metrics().Commits > 0 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%+v %v", c, app)
	if err := os.RemoveAll(c.StateDir); err != nil {
		t.Fatal(err)
	}
	b.produce("words", 1, record("large"))
	printed += fails(t, skipping, c)
	b.produce("numbers", 1, record(""))
	printed += fails(t, troubled(t, topology.Fail(), topology.Skip()), c)
	c.SASL = []sasl.Mechanism{bob.AsSha512Mechanism()}
	printed += fails(t, skipping, c)
	for _, part := range []string{"not today", "numbers", "message_too_large", "bob"} {
		if !strings.Contains(strings.ToLower(log.text()+printed), part) {
			t.Errorf("the output does not say %q: what should have gone wrong did not", part)
		}
	}
	searchFor(t, log.text()+printed, secretPassword, secretKey, secretValue)
}

// secretive is an embedded Kafka over TLS that asks for a password, and a config that fits it.
func secretive(t *testing.T, ca *authority, trusting *tls.Config) (pitwheel.Config, *broker) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "words", "counts", "numbers", "numbers2"),
		serving(ca.issue(nil)), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "bob", secretPassword))
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DialTLSConfig(trusting), kgo.SASL(bob.AsSha256Mechanism()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		cluster.Close()
	})
	b := &broker{Cluster: cluster, t: t, client: client}
	c := b.config(t)
	c.StateDir = filepath.Join(t.TempDir(), "state")
	c.TLS, c.SASL = trusting, []sasl.Mechanism{bob.AsSha256Mechanism()}
	c.InstanceID = "one"
	return c, b
}

// fails runs an app that ends by itself, and returns its error as it is printed.
func fails(t *testing.T, plan *topology.Plan, c pitwheel.Config) string {
	t.Helper()
	app, err := pitwheel.New(plan, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err = app.Run(ctx); err == nil {
		t.Fatal("the app ran until it was stopped")
	}
	return fmt.Sprintf("%v %+v %#v", err, err, err)
}
