package pitwheel_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/pitwheel/pitwheel"
)

// TLS with an authority of one's own and a client certificate.
func ExampleConfig_tls() {
	roots := x509.NewCertPool()
	if pem, err := os.ReadFile("ca.pem"); err == nil {
		roots.AppendCertsFromPEM(pem)
	}
	certificate := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair("client.pem", "client.key") // read anew for each connection: it may be renewed
		return &pair, err
	}
	c := pitwheel.Config{
		ApplicationID: "page-views", Brokers: []string{"kafka-1:9093"},
		TLS: &tls.Config{RootCAs: roots, GetClientCertificate: certificate},
	}
	fmt.Println(c)
	// Output: pitwheel.Config{ApplicationID: page-views, Brokers: [kafka-1:9093], TLS: set}
}

// SASL PLAIN: only over TLS, because it sends the password as it is.
func ExampleConfig_plain() {
	login := plain.Plain(func(context.Context) (plain.Auth, error) { // called for each connection: it may be changed
		return plain.Auth{User: os.Getenv("KAFKA_USER"), Pass: os.Getenv("KAFKA_PASSWORD")}, nil
	})
	c := pitwheel.Config{
		ApplicationID: "page-views", Brokers: []string{"kafka-1:9093"},
		TLS: new(tls.Config), SASL: []sasl.Mechanism{login},
	}
	fmt.Println(c)
	// Output: pitwheel.Config{ApplicationID: page-views, Brokers: [kafka-1:9093], TLS: set, SASL: [PLAIN]}
}

// SASL SCRAM-SHA-512, or SCRAM-SHA-256 where a broker has only that.
func ExampleConfig_scram() {
	login := scram.Auth{User: os.Getenv("KAFKA_USER"), Pass: os.Getenv("KAFKA_PASSWORD")}
	c := pitwheel.Config{
		ApplicationID: "page-views", Brokers: []string{"kafka-1:9093"},
		TLS: new(tls.Config), SASL: []sasl.Mechanism{login.AsSha512Mechanism(), login.AsSha256Mechanism()},
	}
	fmt.Println(c)
	// Output: pitwheel.Config{ApplicationID: page-views, Brokers: [kafka-1:9093], TLS: set, SASL: [SCRAM-SHA-512 SCRAM-SHA-256]}
}

// SASL OAUTHBEARER, with a token that something else keeps fresh in a file.
func ExampleConfig_oauth() {
	login := oauth.Oauth(func(context.Context) (oauth.Auth, error) { // called for each login, again before a token expires
		token, err := os.ReadFile("/var/run/secrets/kafka/token")
		return oauth.Auth{Token: string(token)}, err
	})
	c := pitwheel.Config{
		ApplicationID: "page-views", Brokers: []string{"kafka-1:9093"},
		TLS: new(tls.Config), SASL: []sasl.Mechanism{login},
	}
	fmt.Println(c)
	// Output: pitwheel.Config{ApplicationID: page-views, Brokers: [kafka-1:9093], TLS: set, SASL: [OAUTHBEARER]}
}
