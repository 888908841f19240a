package pitwheel_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/pitwheel/pitwheel"
)

func right(resource kmsg.ACLResourceType, name string, operation kmsg.ACLOperation, prefixed bool) kfake.ACL {
	pattern := kmsg.ACLResourcePatternTypeLiteral
	if prefixed {
		pattern = kmsg.ACLResourcePatternTypePrefixed
	}
	return kfake.ACL{Resource: resource, Name: name, Pattern: pattern, Operation: operation, Allow: true}
}

// rights are all that the application needs: docs/security.md has them as a table.
func rights() []kfake.ACL {
	return []kfake.ACL{
		right(kmsg.ACLResourceTypeTopic, "words", kmsg.ACLOperationRead, false),
		right(kmsg.ACLResourceTypeTopic, "counts", kmsg.ACLOperationWrite, false),
		right(kmsg.ACLResourceTypeTopic, "app-", kmsg.ACLOperationCreate, true),
		right(kmsg.ACLResourceTypeTopic, "app-", kmsg.ACLOperationRead, true),
		right(kmsg.ACLResourceTypeTopic, "app-", kmsg.ACLOperationWrite, true),
		right(kmsg.ACLResourceTypeTopic, "app-", kmsg.ACLOperationDescribeConfigs, true),
		right(kmsg.ACLResourceTypeTopic, "app-", kmsg.ACLOperationDelete, true),
		right(kmsg.ACLResourceTypeGroup, "app", kmsg.ACLOperationRead, false),
		right(kmsg.ACLResourceTypeTransactionalId, "app-", kmsg.ACLOperationWrite, true),
	}
}

// limited is an embedded Kafka that lets bob do only what acls say; the test itself is admin.
func limited(t *testing.T, acls []kfake.ACL) (*broker, pitwheel.Config) {
	t.Helper()
	admin := scram.Auth{User: "admin", Pass: "admin"}
	b := guarded(t, []kgo.Opt{kgo.SASL(admin.AsSha256Mechanism())},
		kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("SCRAM-SHA-256", "admin", "admin"),
		kfake.User("SCRAM-SHA-256", "bob", canary, acls...))
	c := b.config(t)
	c.SASL = []sasl.Mechanism{bob.AsSha256Mechanism()}
	return b, c
}

// TestRightsOfTheTableAreEnough runs an app that has them and no others.
func TestRightsOfTheTableAreEnough(t *testing.T) {
	for name, guarantee := range map[string]pitwheel.Guarantee{"exactly once": pitwheel.ExactlyOnce, "at least once": pitwheel.AtLeastOnce} {
		t.Run(name, func(t *testing.T) {
			b, c := limited(t, rights())
			c.Guarantee = guarantee
			b.produce("words", 10, func(int) (string, string) { return "k", "w" })
			app, stop := start(t, wordCounts(t), c)
			await(t, "the records to be counted", func() bool { return app.Metrics().Processed == 20 })
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestMissingRightIsNamed takes each right away in turn.
func TestMissingRightIsNamed(t *testing.T) {
	for i, taken := range rights() {
		if taken.Operation == kmsg.ACLOperationDelete {
			continue // without it repartition topics keep what was consumed, which is logged
		}
		name := strings.ToLower(taken.Operation.String() + " " + taken.Resource.String() + " " + taken.Name)
		t.Run(name, func(t *testing.T) {
			b, c := limited(t, slices.Delete(rights(), i, i+1))
			b.produce("words", 10, func(int) (string, string) { return "k", "w" })
			operation := strings.ToLower(strings.ReplaceAll(taken.Operation.String(), "_", ""))
			err := ended(t, c)
			if !strings.Contains(strings.ToLower(err), "user:bob has no right to "+operation) {
				t.Errorf("error %q does not say who may not %s", err, operation)
			}
			for _, part := range []string{taken.Name, "kafka-acls.sh --add --allow-principal 'User:bob'", "docs/security.md"} {
				if !strings.Contains(err, part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
		})
	}
}

// TestMissingRightsAreAllNamed starts an app that may only look at its topics.
func TestMissingRightsAreAllNamed(t *testing.T) {
	_, c := limited(t, []kfake.ACL{
		right(kmsg.ACLResourceTypeTopic, "words", kmsg.ACLOperationDescribe, false),
		right(kmsg.ACLResourceTypeTopic, "counts", kmsg.ACLOperationDescribe, false),
	})
	notLetIn(t, c, `no right to Read topic "words"`, `no right to Write topic "counts"`)
}

// TestRightTakenAwayEndsTheApp takes the right to write away while the app runs.
func TestRightTakenAwayEndsTheApp(t *testing.T) {
	b, c := limited(t, rights())
	app, stop := start(t, wordCounts(t), c)
	b.produce("words", 10, func(int) (string, string) { return "k", "w" })
	await(t, "the records to be counted", func() bool { return app.Metrics().Processed == 20 })
	gone := kadm.NewACLs().Allow("User:bob").AllowHosts().Topics("counts").Operations(kadm.OpWrite).ResourcePatternType(kadm.ACLPatternLiteral)
	if _, err := kadm.NewClient(b.client).DeleteACLs(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	b.produce("words", 10, func(int) (string, string) { return "k", "w" })
	await(t, "the app to fail", func() bool { return app.State() == pitwheel.Failed })
	if err := stop(); err == nil || !strings.Contains(err.Error(), `User:bob has no right to Write topic "counts"`) {
		t.Errorf("got %v, want an error that names the right", err)
	}
}

// ended runs an app that must end by itself, and returns its error.
func ended(t *testing.T, c pitwheel.Config) string {
	t.Helper()
	c.StopTimeout = 5 * time.Second
	app, stop := start(t, wordCounts(t), c)
	await(t, "the app to fail", func() bool { return app.State() == pitwheel.Failed })
	return stop().Error()
}
