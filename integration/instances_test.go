package integration_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/integration/kafkatest"
)

// TestKilledInstanceLeavesNoTrace kills the only instance again and again under load. It comes back to
// the state that it had: of its changelogs it reads what was not on disk.
func TestKilledInstanceLeavesNoTrace(t *testing.T) {
	k := kafkatest.Run(t, kafkatest.Patience(patience))
	app := newApplication(t, k)
	l, p := newLoad(t, k, app), newPlace(t, k, app)
	i := p.start(t)
	l.send(5000)
	l.begin()
	for range 5 {
		l.progress(300)
		i.kill()
		i = p.start(t)
	}
	l.progress(300)
	l.end()
	l.check()
	records, restored := written(t, k, app.changelog()), i.restored()
	if restored*2 > int(records) {
		t.Errorf("%d of %d changelog records were read again: state was not kept", restored, records)
	}
	t.Logf("the last start read %d of %d changelog records again", restored, records)

	i.stop()
	i = p.start(t)
	i.awaitRunning()
	if n := i.restored(); n > 0 {
		t.Errorf("%d records were read again after a stop in good order", n)
	}
	i.stop()
}

// TestOtherInstanceTakesOver kills one of two instances and leaves it dead.
func TestOtherInstanceTakesOver(t *testing.T) {
	k := kafkatest.Run(t, kafkatest.Patience(patience))
	app := newApplication(t, k)
	l := newLoad(t, k, app)
	first, second := newPlace(t, k, app).start(t), newPlace(t, k, app).start(t)
	first.awaitRunning()
	second.awaitRunning()
	l.send(2000)
	l.begin()
	l.progress(500)
	first.kill()
	killed := time.Now()
	l.progress(1000)
	l.end()
	l.check()
	t.Logf("all was done %v after the kill; the session timeout is %v", time.Since(killed).Round(100*time.Millisecond), sessionTimeout)
	second.stop()
}

// TestRestartDoesNotRebalance kills an instance and starts it again at once. Its membership is static
// (KIP-345), so the other one does not notice.
func TestRestartDoesNotRebalance(t *testing.T) {
	k := kafkatest.Run(t, kafkatest.Patience(patience))
	app := newApplication(t, k)
	l := newLoad(t, k, app)
	long, other := newPlace(t, k, app), newPlace(t, k, app)
	long.Session, other.Session = time.Minute, time.Minute
	restarts, stays := long.start(t), other.start(t)
	l.send(1000)
	k.AwaitRead(app.ID, app.numbers(), app.repartition())
	awaitShared(t, k, app, 2)
	restarts.awaitRunning()
	stays.awaitRunning()
	before := stays.said("state ")
	owned := assignments(t, k, app)
	for range 2 {
		restarts.kill()
		restarts = long.start(t)
		restarts.awaitRunning()
		l.send(1000)
		k.AwaitRead(app.ID, app.numbers(), app.repartition())
	}
	if after := stays.said("state "); !slices.Equal(before, after) {
		t.Errorf("the other instance went through %v", after[len(before):])
	}
	if now := assignments(t, k, app); !slices.Equal(owned, now) {
		t.Errorf("partitions were shared %v and are %v", owned, now)
	}
	l.check()
	restarts.stop()
	stays.stop()
}

// TestStoresAreWhatTheInputMakes asks a running app for each row.
func TestStoresAreWhatTheInputMakes(t *testing.T) {
	k := kafkatest.Run(t, kafkatest.Patience(patience))
	app := newApplication(t, k)
	l := newLoad(t, k, app)
	plan, counts, err := app.planAndStore()
	if err != nil {
		t.Fatal(err)
	}
	running := k.Start(plan, pitwheel.Config{ApplicationID: app.ID})
	l.send(3000)
	l.check()
	for key, want := range l.want {
		got, ok, err := running.KeyValue(counts).Get(t.Context(), key)
		if err != nil || !ok || got != want[len(want)-1] {
			t.Errorf("the row of %s is %d, %v, %v, want %d", key, got, ok, err, want[len(want)-1])
		}
	}
}
