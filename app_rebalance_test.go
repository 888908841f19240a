package pitwheel_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/pitwheel/pitwheel"
)

// TestTasksMoveBetweenInstances lets instances come and go while records flow, and checks every
// output: a task that moves leaves nothing behind and does nothing twice.
func TestTasksMoveBetweenInstances(t *testing.T) {
	b := newBroker(t, 6, "words", "counts")
	want := map[string]int64{}
	sent := 0
	send := func(n int) {
		from := sent
		b.produce("words", n, func(i int) (string, string) { return fmt.Sprint(from + i), fmt.Sprintf("w%d", (from+i)%53) })
		for range n {
			want[fmt.Sprintf("w%d", sent%53)]++
			sent++
		}
	}
	instance := func(name string) pitwheel.Config {
		c := b.config(t)
		c.InstanceID, c.LeaveOnStop = name, true
		c.StateDir = filepath.Join(t.TempDir(), name)
		return c
	}
	running := func(app *pitwheel.App) {
		t.Helper()
		await(t, "the instance to run its tasks", func() bool { return app.State() == pitwheel.Running })
	}
	one, stopOne := start(t, wordCounts(t), instance("one"))
	send(1000)
	running(one)
	b.awaitRecords("counts", 500)

	two, stopTwo := start(t, wordCounts(t), instance("two"))
	send(1000)
	await(t, "the second instance to process records", func() bool {
		send(10)
		return two.Metrics().Processed > 0
	})
	three, stopThree := start(t, wordCounts(t), instance("three"))
	await(t, "the third instance to process records", func() bool {
		send(10)
		return three.Metrics().Processed > 0
	})
	for _, stop := range []func() error{stopTwo, stopThree} {
		send(500)
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
	send(1000)
	b.checkSequences("counts", want)
	if err := stopOne(); err != nil {
		t.Error(err)
	}
	t.Logf("%d records", sent)
}
