package integration_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/integration/kafkatest"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// start runs the application in this process.
func (a application) start(t *testing.T, k *kafkatest.Kafka, c pitwheel.Config) *kafkatest.App {
	t.Helper()
	plan, err := a.plan()
	if err != nil {
		t.Fatal(err)
	}
	c.ApplicationID = a.ID
	return k.Start(plan, c)
}

// mentions checks that an error names all that somebody needs to mend it.
func mentions(t *testing.T, err error, what ...string) {
	t.Helper()
	for _, w := range what {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in the error: %v", w, err)
		}
	}
	t.Log(err)
}

func TestReplicationBeyondTheBrokersIsTold(t *testing.T) {
	k := kafkatest.Run(t, kafkatest.Patience(patience))
	app := newApplication(t, k)
	err := app.start(t, k, pitwheel.Config{Replication: 3}).Err()
	mentions(t, err, "-chains-", "3 replicas", "Config.Replication")
}

func TestInternalTopicDeletedUnderARunningAppIsTold(t *testing.T) {
	k := kafkatest.Run(t, kafkatest.Patience(patience))
	app := newApplication(t, k)
	l := newLoad(t, k, app)
	running := app.start(t, k, pitwheel.Config{})
	l.send(500)
	l.check()
	if _, err := admin(t, k).DeleteTopic(t.Context(), app.changelog().Name()); err != nil {
		t.Fatal(err)
	}
	mentions(t, running.Err(), app.changelog().Name(), "deleted")
}

func TestForeignRecordInAChangelogIsTold(t *testing.T) {
	k := kafkatest.Run(t, kafkatest.Patience(patience))
	app := newApplication(t, k)
	l := newLoad(t, k, app)
	p := newPlace(t, k, app)
	running := app.start(t, k, pitwheel.Config{StateDir: p.StateDir})
	l.send(500)
	l.check()
	running.Stop()
	foreign := topology.NewTopic(app.changelog().Name(), serde.String(), serde.Bytes())
	k.Input(foreign).SendRecords(record.New("moved-k1", []byte("0123456789abcdef"), 1))
	mentions(t, app.start(t, k, pitwheel.Config{StateDir: p.StateDir}).Err(), app.changelog().Name(), "somebody else writes to it")
}

// TestMissingTransactionalRightIsTold gives the right to the application's transactional ids to
// somebody else alone.
func TestMissingTransactionalRightIsTold(t *testing.T) {
	k := kafkatest.Run(t, kafkatest.Patience(patience),
		kafkatest.Property("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
		kafkatest.Property("allow.everyone.if.no.acl.found", "true"))
	app := newApplication(t, k)
	acl := kadm.NewACLs().TransactionalIDs(app.ID).ResourcePatternType(kadm.ACLPatternPrefixed).
		Operations(kadm.OpWrite).Allow("User:somebody").AllowHosts()
	made, err := admin(t, k).CreateACLs(t.Context(), acl)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range made {
		if m.Err != nil {
			t.Fatal(m.Err)
		}
	}
	mentions(t, app.start(t, k, pitwheel.Config{}).Err(), app.ID, "kafka-acls", "--transactional-id", "Write")
}
