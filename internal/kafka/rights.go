package kafka

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/sasl"
)

// Right is something that an access control list of Kafka can allow (KIP-11).
type Right struct {
	Operation string // "Read"
	Resource  string // "topic", "group", "transactional-id", "cluster"
	Name      string
}

// ReadTopic is what fetching from a topic needs.
func ReadTopic(name string) Right { return Right{"Read", "topic", name} }

// WriteTopic is what producing to a topic needs.
func WriteTopic(name string) Right { return Right{"Write", "topic", name} }

// MissingRightError is a right that the brokers say this app lacks.
type MissingRightError struct {
	Right
	Principal string // "User:name" as Kafka writes it; empty: unknown
	Err       error  // nil: the broker listed what is allowed, and this was not among it
}

// Error names the principal, the right and the resource, and the command that gives it.
func (e *MissingRightError) Error() string {
	who, principal := "this app", "<principal>"
	if e.Principal != "" {
		who, principal = e.Principal, e.Principal
	}
	name := fmt.Sprintf(" --%s '%s'", e.Resource, e.Name)
	what := fmt.Sprintf("%s %q", e.Resource, e.Name)
	if e.Resource == "cluster" {
		name, what = " --cluster", "the cluster"
	}
	return fmt.Sprintf("%s has no right to %s %s: give it that right, as by kafka-acls.sh --add --allow-principal '%s' --operation %s%s; docs/security.md lists all that an app needs",
		who, e.Operation, what, principal, e.Operation, name)
}

// Unwrap is what the broker said.
func (e *MissingRightError) Unwrap() error { return e.Err }

// denied is the error with the right that is missing, if a broker said that one is. Of the rights
// the first of the kind that it named is meant; error stays as it is without one.
func (a *Access) denied(err error, rights ...Right) error {
	for _, kind := range []struct {
		code     error
		resource string
	}{
		{kerr.TopicAuthorizationFailed, "topic"},
		{kerr.GroupAuthorizationFailed, "group"},
		{kerr.TransactionalIDAuthorizationFailed, "transactional-id"},
		{kerr.ClusterAuthorizationFailed, "cluster"},
	} {
		if !errors.Is(err, kind.code) {
			continue
		}
		for _, r := range rights {
			if r.Resource == kind.resource {
				return &MissingRightError{Right: r, Principal: a.Principal(), Err: err}
			}
		}
	}
	return err
}

// Missing are those of the rights to the topic that the broker does not list. A broker that lists
// nothing (before Kafka 2.3, KIP-430) says nothing.
func (a *Admin) Missing(info TopicInfo, rights ...Right) error {
	if len(info.allowed) == 0 && !info.Hidden {
		return nil
	}
	var missing error
	for _, r := range rights {
		if !info.allows(r.Operation) {
			missing = errors.Join(missing, &MissingRightError{Right: r, Principal: a.access.Principal()})
		}
	}
	return missing
}

func (i TopicInfo) allows(operation string) bool {
	for _, o := range i.allowed {
		if strings.EqualFold(strings.ReplaceAll(o.String(), "_", ""), operation) {
			return true
		}
	}
	return false
}

// Principal is who the brokers take this app for; empty: unknown. A broker may map names otherwise.
func (a *Access) Principal() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.identity != "":
		return "User:" + a.identity
	case a.sasl:
		return ""
	case a.subject != "":
		return "User:" + a.subject
	}
	return "User:ANONYMOUS"
}

// subject is the name in the client certificate.
func subject(c *tls.Config) string {
	if c == nil || len(c.Certificates) == 0 || len(c.Certificates[0].Certificate) == 0 {
		return ""
	}
	leaf, err := x509.ParseCertificate(c.Certificates[0].Certificate[0])
	if err != nil {
		return ""
	}
	return leaf.Subject.String()
}

// mechanism is a mechanism of the app's, listened to for the user's name. It is no
// sasl.ClosingMechanism: a client closes those with itself, and the app's clients share it.
type mechanism struct {
	sasl.Mechanism
	access *Access
}

func (m mechanism) Authenticate(ctx context.Context, host string) (sasl.Session, []byte, error) {
	session, first, err := m.Mechanism.Authenticate(ctx, host)
	if err != nil {
		return nil, nil, &authError{m.Name(), err}
	}
	if user := userOf(m.Name(), first); user != "" {
		m.access.mu.Lock()
		m.access.identity = user
		m.access.mu.Unlock()
	}
	return listened{session, m.Name()}, first, nil
}

type listened struct {
	sasl.Session
	mechanism string
}

func (l listened) Challenge(from []byte) (bool, []byte, error) {
	done, answer, err := l.Session.Challenge(from)
	if err != nil {
		err = &authError{l.mechanism, err}
	}
	return done, answer, err
}

// userOf is the user's name in a mechanism's first message, never anything else of it.
func userOf(mechanism string, first []byte) string {
	if mechanism == "PLAIN" {
		// RFC 4616: authorization id, user and password, each after a zero byte.
		if parts := bytes.Split(first, []byte{0}); len(parts) == 3 {
			return string(parts[1])
		}
		return ""
	}
	if !strings.HasPrefix(mechanism, "SCRAM-") {
		return ""
	}
	// RFC 5802: "n,,n=user,r=nonce", with ',' and '=' in the name as =2C and =3D.
	for attribute := range strings.SplitSeq(string(first), ",") {
		if name, ok := strings.CutPrefix(attribute, "n="); ok {
			return strings.NewReplacer("=2C", ",", "=3D", "=").Replace(name)
		}
	}
	return ""
}
