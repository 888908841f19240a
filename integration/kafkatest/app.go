package kafkatest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/topology"
)

// App is an app that runs beside the test.
type App struct {
	*pitwheel.App
	// ID is the application's.
	ID string

	k       *Kafka
	cancel  context.CancelFunc
	done    chan struct{}
	err     error // what Run returned, once done is closed
	claimed bool  // the test has asked for err
}

// Start runs the plan until the test ends or stops it. Brokers are this Kafka's. An empty
// ApplicationID is a new one, an empty StateDir a new directory: give both to start an app again with
// what it had. A Logger of nil is the test's log. The test fails if the app does.
func (k *Kafka) Start(plan *topology.Plan, c pitwheel.Config) *App {
	k.t.Helper()
	// What a Kafka that somebody else runs holds of an application may be dear to them.
	if c.ApplicationID == "" || k.Kind != Given {
		c.ApplicationID = cmp.Or(c.ApplicationID, Name(k.t, "app"))
		k.applications[c.ApplicationID] = true
	}
	c.Brokers = k.Brokers
	if c.StateDir == "" {
		c.StateDir = filepath.Join(k.t.TempDir(), "state") // the app makes it, for its user alone
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(k.t.Output(), nil))
	}
	app, err := pitwheel.New(plan, c)
	if err != nil {
		k.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := &App{App: app, ID: c.ApplicationID, k: k, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.err = app.Run(ctx)
	}()
	k.t.Cleanup(func() {
		if err := a.end(); err != nil && !a.claimed {
			k.t.Errorf("kafkatest: the app failed: %v", err)
		}
	})
	return a
}

func (a *App) end() error {
	a.cancel()
	<-a.done
	return a.err
}

// Stop ends the app as a signal does: it commits first. The test fails if the app has failed.
func (a *App) Stop() {
	a.k.t.Helper()
	if err := a.end(); err != nil && !a.claimed {
		a.claimed = true
		a.k.t.Fatalf("kafkatest: the app failed: %v", err)
	}
}

// Err waits until the app ends by itself, and returns why. The test fails if it goes on.
func (a *App) Err() error {
	a.k.t.Helper()
	a.claimed = true
	ctx, cancel := a.k.context()
	defer cancel()
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		a.k.t.Fatalf("kafkatest: the app still runs after %v: %s", a.k.patience, a.State())
		return nil
	}
}

// AwaitRead waits until the app has committed all that is in the topics now. What it wrote of that is
// committed too; what it does with that in turn, behind a repartition topic, is not: name that topic as
// well, behind the ones that feed it.
func (a *App) AwaitRead(topics ...Named) {
	a.k.t.Helper()
	a.k.awaitRead(a.ID, a.done, topics)
	select {
	case <-a.done:
		a.Stop()
	default:
	}
}

// AwaitRead is App.AwaitRead for an application whose instances run elsewhere.
func (k *Kafka) AwaitRead(applicationID string, topics ...Named) {
	k.t.Helper()
	k.awaitRead(applicationID, nil, topics)
}

// awaitRead gives up once gone is closed.
func (k *Kafka) awaitRead(applicationID string, gone <-chan struct{}, topics []Named) {
	k.t.Helper()
	ctx, cancel := k.context()
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for _, t := range topics {
		for {
			err := k.read(ctx, applicationID, t.Name())
			if err == nil {
				break
			}
			select {
			case <-ticker.C:
			case <-gone:
				return
			case <-ctx.Done():
				k.t.Fatalf("kafkatest: after %v application %q has not read all of topic %q: %v", k.patience, applicationID, t.Name(), err)
			}
		}
	}
}

// read is nil once the application has committed all of a topic.
func (k *Kafka) read(ctx context.Context, applicationID, topic string) error {
	ends, err := k.admin.ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return err
	}
	at, err := k.admin.FetchOffsets(ctx, applicationID)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return err
	}
	var behind error
	ends.Each(func(end kadm.ListedOffset) {
		o, ok := at.Lookup(topic, end.Partition)
		if end.Offset > 0 && (!ok || o.At < end.Offset) {
			behind = errors.Join(behind, fmt.Errorf("partition %d is at %d of %d", end.Partition, o.At, end.Offset))
		}
	})
	return behind
}
