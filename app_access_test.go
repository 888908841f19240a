package pitwheel_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/pitwheel/pitwheel"
)

// canary stands for a password or a token: it must not be in any output of the tests.
const canary = "canary-5f2d1c7e"

// authority is a certificate authority of a test's.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	a.key, a.cert = a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

func (a *authority) sign(c *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	parent, by := a.cert, a.key
	if parent == nil {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return key, cert
}

// issue makes a certificate for 127.0.0.1, or what edit makes of it.
func (a *authority) issue(edit func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	c := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "leaf"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if edit != nil {
		edit(c)
	}
	key, cert := a.sign(c)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func serving(cert tls.Certificate) kfake.Opt {
	return kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}})
}

// guarded is an embedded Kafka that asks who one is; admin is the test's own way in.
func guarded(t *testing.T, admin []kgo.Opt, opts ...kfake.Opt) *broker {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1), kfake.SeedTopics(1, "words", "counts"))...)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(append(admin, kgo.SeedBrokers(c.ListenAddrs()...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		c.Close()
	})
	return &broker{Cluster: c, t: t, client: client}
}

var bob = scram.Auth{User: "bob", Pass: canary}

// TestTLSAndEachMechanismLetIn runs the application to a result over every way in.
func TestTLSAndEachMechanismLetIn(t *testing.T) {
	ca := newAuthority(t)
	trusting := &tls.Config{RootCAs: ca.pool()}
	client := trusting.Clone()
	client.Certificates = []tls.Certificate{ca.issue(nil)}
	mutual := kfake.TLS(&tls.Config{
		Certificates: []tls.Certificate{ca.issue(nil)}, ClientCAs: ca.pool(), ClientAuth: tls.RequireAndVerifyClientCert,
	})
	tests := []struct {
		name string
		opts []kfake.Opt
		tls  *tls.Config
		sasl sasl.Mechanism
	}{
		{name: "TLS", opts: []kfake.Opt{serving(ca.issue(nil))}, tls: trusting},
		{name: "mutual TLS", opts: []kfake.Opt{mutual}, tls: client},
		{name: "PLAIN", opts: []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("PLAIN", "bob", canary)}, sasl: plain.Auth{User: "bob", Pass: canary}.AsMechanism()},
		{name: "SCRAM-SHA-256", opts: []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "bob", canary)}, sasl: bob.AsSha256Mechanism()},
		{name: "SCRAM-SHA-512 over TLS", opts: []kfake.Opt{serving(ca.issue(nil)), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "bob", canary)}, tls: trusting, sasl: bob.AsSha512Mechanism()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var admin []kgo.Opt
			if tt.tls != nil {
				admin = append(admin, kgo.DialTLSConfig(tt.tls))
			}
			if tt.sasl != nil {
				admin = append(admin, kgo.SASL(tt.sasl))
			}
			b := guarded(t, admin, tt.opts...)
			c := b.config(t)
			c.TLS = tt.tls
			if tt.sasl != nil {
				c.SASL = []sasl.Mechanism{tt.sasl}
			}
			b.produce("words", 10, func(int) (string, string) { return "k", "w" })
			app, stop := start(t, wordCounts(t), c)
			await(t, "the records to be counted", func() bool { return app.Metrics().Processed == 20 })
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTokenLetsIn has a broker take OAUTHBEARER, which kfake does not, and checks that the token
// arrives as RFC 7628 says.
func TestTokenLetsIn(t *testing.T) {
	b := guarded(t, nil)
	got := make(chan string, 100)
	takeTokens(b, func(token string) *kerr.Error {
		got <- token
		return nil
	})
	c := b.config(t)
	c.SASL = []sasl.Mechanism{oauth.Auth{Token: canary}.AsMechanism()}
	b.produce("words", 10, func(int) (string, string) { return "k", "w" })
	app, stop := start(t, wordCounts(t), c)
	await(t, "the records to be counted", func() bool { return app.Metrics().Processed == 20 })
	if err := stop(); err != nil {
		t.Error(err)
	}
	if want := "n,,\x01auth=Bearer " + canary + "\x01\x01"; want != <-got {
		t.Error("the broker got another token than the one that was given")
	}
}

// takeTokens answers OAUTHBEARER in the brokers' place.
func takeTokens(b *broker, judge func(token string) *kerr.Error) {
	b.ControlKey(int16(kmsg.SASLHandshake), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		resp := kreq.ResponseKind().(*kmsg.SASLHandshakeResponse)
		if req := kreq.(*kmsg.SASLHandshakeRequest); req.Mechanism != "OAUTHBEARER" {
			resp.ErrorCode = kerr.UnsupportedSaslMechanism.Code
		}
		return resp, nil, true
	})
	b.ControlKey(int16(kmsg.SASLAuthenticate), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		resp := kreq.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		if err := judge(string(kreq.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes)); err != nil {
			resp.ErrorCode = err.Code
		}
		return resp, nil, true
	})
}

// TestRefusedAppSaysWhatToChange starts an app with settings that a broker does not accept. Each ends
// within seconds, and the error names the field and the fix.
func TestRefusedAppSaysWhatToChange(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	trusting := &tls.Config{RootCAs: ca.pool()}
	old := ca.issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	elsewhere := ca.issue(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"elsewhere"} })
	mutual := kfake.TLS(&tls.Config{
		Certificates: []tls.Certificate{ca.issue(nil)}, ClientCAs: ca.pool(), ClientAuth: tls.RequireAndVerifyClientCert,
	})
	users := []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "bob", "another"), kfake.Superuser("PLAIN", "bob", "another")}
	noPassword := plain.Plain(func(context.Context) (plain.Auth, error) { return plain.Auth{}, errors.New("the vault is closed") })
	tests := []struct {
		name string
		opts []kfake.Opt
		edit func(*pitwheel.Config)
		says []string
	}{
		{"a foreign authority", []kfake.Opt{serving(other.issue(nil))}, func(c *pitwheel.Config) { c.TLS = trusting }, []string{"Config.TLS", "RootCAs"}},
		{"a certificate that has expired", []kfake.Opt{serving(old)}, func(c *pitwheel.Config) { c.TLS = trusting }, []string{"Config.TLS", "expired", "renew"}},
		{"a certificate for another host", []kfake.Opt{serving(elsewhere)}, func(c *pitwheel.Config) { c.TLS = trusting }, []string{"Config.TLS", "127.0.0.1", "ServerName"}},
		{"an old version of TLS", []kfake.Opt{kfake.TLS(&tls.Config{Certificates: []tls.Certificate{ca.issue(nil)}, MaxVersion: tls.VersionTLS12})},
			func(c *pitwheel.Config) { c.TLS = &tls.Config{RootCAs: ca.pool(), MinVersion: tls.VersionTLS13} }, []string{"Config.TLS", "MinVersion"}},
		{"no client certificate", []kfake.Opt{mutual}, func(c *pitwheel.Config) { c.TLS = trusting }, []string{"Config.TLS", "Certificates"}},
		{"plain text to a TLS port", []kfake.Opt{serving(ca.issue(nil))}, func(*pitwheel.Config) {}, []string{"Config.TLS", "set it"}},
		{"TLS to a plain-text port", nil, func(c *pitwheel.Config) { c.TLS, c.Brokers = trusting, []string{hangsUp(t)} }, []string{"Config.TLS", "leave it nil"}},
		{"a wrong password, SCRAM", users, func(c *pitwheel.Config) { c.SASL = []sasl.Mechanism{bob.AsSha256Mechanism()} }, []string{"Config.SASL", "password", `"bob"`}},
		{"a wrong password, PLAIN", users, func(c *pitwheel.Config) {
			c.SASL = []sasl.Mechanism{plain.Auth{User: "bob", Pass: canary}.AsMechanism()}
		}, []string{"Config.SASL", "password", `"bob"`}},
		{"a mechanism that the broker has not", users, func(c *pitwheel.Config) {
			c.SASL = []sasl.Mechanism{oauth.Auth{Token: canary}.AsMechanism()}
		}, []string{"Config.SASL", "does not offer the mechanism"}},
		{"no password", users, func(c *pitwheel.Config) { c.SASL = []sasl.Mechanism{noPassword} }, []string{"Config.SASL", "PLAIN: the vault is closed"}},
		{"SASL is missing", users, func(*pitwheel.Config) {}, []string{"Config.SASL", "set it"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := guarded(t, nil, tt.opts...)
			c := b.config(t)
			tt.edit(&c)
			notLetIn(t, c, append(tt.says, c.Brokers[0])...)
		})
	}
}

// hangsUp is a broker that ends a connection that does not begin with a request, as Kafka does and
// kfake does not.
func hangsUp(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			request := make([]byte, 64<<10)
			_, _ = conn.Read(request)
			if kmsg.Key(binary.BigEndian.Uint16(request[4:])) == kmsg.ApiVersions {
				_, _ = conn.Write(append([]byte{0, 0, 0, 4}, request[8:12]...)) // of that correlation, with no more
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	return l.Addr().String()
}

// notLetIn runs an app that must end by itself, with an error that says these things.
func notLetIn(t *testing.T, c pitwheel.Config, says ...string) {
	t.Helper()
	app, err := pitwheel.New(wordCounts(t), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	if err = app.Run(ctx); err == nil {
		t.Fatal("the app ran until it was stopped")
	}
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	if strings.Contains(err.Error(), canary) {
		t.Error("the error gives a secret away")
	}
}

// TestExpiredTokenSaysSo has a broker refuse a token as Kafka does.
func TestExpiredTokenSaysSo(t *testing.T) {
	b := guarded(t, nil)
	takeTokens(b, func(string) *kerr.Error { return kerr.SaslAuthenticationFailed })
	c := b.config(t)
	c.SASL = []sasl.Mechanism{oauth.Auth{Token: canary}.AsMechanism()}
	notLetIn(t, c, "Config.SASL", "token is wrong or has expired")
}

// TestBadlyRenewedCertificateIsPutUpWith renews the brokers' certificate badly while the app runs, cuts
// every connection, and mends it.
func TestBadlyRenewedCertificateIsPutUpWith(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	good, bad := ca.issue(nil), other.issue(nil)
	now := make(chan *tls.Certificate, 1)
	now <- &good
	use := func(c *tls.Certificate) {
		<-now
		now <- c
	}
	cuts := &cutter{}
	b := guarded(t, []kgo.Opt{kgo.DialTLSConfig(&tls.Config{RootCAs: ca.pool()}), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil))},
		kfake.ListenFn(cuts.listen),
		kfake.TLS(&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c := <-now
			now <- c
			return c, nil
		}}))
	c := b.config(t)
	c.TLS = &tls.Config{RootCAs: ca.pool()}
	log := &logged{}
	c.Logger = log.logger()
	app, stop := start(t, wordCounts(t), c)
	b.produce("words", 10, func(int) (string, string) { return "k", "w" })
	await(t, "the records to be counted", func() bool { return app.Metrics().Processed == 20 })
	use(&bad)
	cuts.cut()
	await(t, "the refusal to be logged", func() bool { return strings.Contains(log.text(), "refused by a broker") })
	use(&good)
	b.produce("words", 10, func(int) (string, string) { return "k", "w" })
	await(t, "the later records to be counted", func() bool { return app.Metrics().Processed == 40 })
	if err := stop(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.text(), "RootCAs") {
		t.Error("the log does not say what to do")
	}
}

// cutter is a network whose connections can all be cut.
type cutter struct {
	mu    sync.Mutex
	conns []net.Conn
}

type cutListener struct {
	net.Listener
	cutter *cutter
}

func (c *cutter) listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	return cutListener{l, c}, err
}

func (l cutListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.cutter.mu.Lock()
		l.cutter.conns = append(l.cutter.conns, conn)
		l.cutter.mu.Unlock()
	}
	return conn, err
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

// logged keeps what an app logs.
type logged struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(line)
}

func (l *logged) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
