package streamtest

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/internal/reactor"
	"github.com/pitwheel/pitwheel/metrics"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/topology"
)

// Driver runs a plan without Kafka. Kafka: TopologyTestDriver.
type Driver struct {
	t        testing.TB
	plan     *topology.Plan
	settings settings
	log      *slog.Logger

	now     time.Time // the wall clock
	topics  map[string]*topic
	matched map[*plan.Node][]string // the topics of sources with a pattern, as they turn up
	tasks   []*task
	queues  []*queue // of all tasks, in their order
	agenda  agenda
	owner   int64                      // counts the starts
	errors  *reactor.ErrorLimit        // since the start
	dropped map[processor.Reason]int64 // by tasks before the last Restart
	stopped error                      // what stopped the app; nil: it runs
}

// New starts the plan. It ends with the test.
func New(t testing.TB, p *topology.Plan, opts ...Option) *Driver {
	t.Helper()
	d := &Driver{
		t: t, plan: p,
		settings: settings{applicationID: "app", partitions: 1, startAt: time.Unix(0, 0).UTC()},
		topics:   map[string]*topic{},
		matched:  map[*plan.Node][]string{},
		dropped:  map[processor.Reason]int64{},
	}
	for _, o := range opts {
		o(&d.settings)
	}
	switch {
	case p == nil:
		t.Fatal("streamtest: the plan is nil: see the error of Build")
	case d.settings.partitions < 1:
		t.Fatalf("streamtest: Partitions(%d): there must be at least one", d.settings.partitions)
	case d.settings.applicationID == "":
		t.Fatal(`streamtest: ApplicationID(""): it must not be empty`)
	}
	d.now = d.settings.startAt
	d.log = slog.New(slog.NewTextHandler(t.Output(), nil))
	d.lay()
	t.Cleanup(d.close)
	if err := d.start(); err != nil {
		t.Fatalf("streamtest: start: %v", err)
	}
	return d
}

// lay makes the topics that the plan reads and its own, and the tasks, not yet opened.
func (d *Driver) lay() {
	p := d.plan.Compiled()
	l, err := newLayout(p, int32(d.settings.partitions))
	if err != nil {
		d.t.Fatalf("streamtest: %v", err)
	}
	for _, r := range p.Internal {
		d.newTopic(plan.TopicName(d.settings.applicationID, r.Topic), l.internal[r.Topic])
	}
	for _, sub := range p.Globals {
		for _, n := range sub.Nodes {
			for _, topic := range n.Topics {
				d.topic(topic).keep()
			}
		}
		d.tasks = append(d.tasks, &task{subtopology: sub, id: record.TaskID{Subtopology: -1 - sub.ID}, whole: true})
	}
	for _, sub := range p.Subtopologies {
		tasks := l.tasks(sub)
		for _, s := range sub.Stores {
			if s.Logged {
				d.newTopic(plan.ChangelogTopic(d.settings.applicationID, s.Name), tasks)
			}
			if s.Source != "" {
				d.topic(s.Source).keep()
			}
		}
		for id := range tasks {
			d.tasks = append(d.tasks, &task{subtopology: sub, id: record.TaskID{Subtopology: sub.ID, Partition: id}})
		}
	}
}

// start opens the tasks where the committed offsets and the changelogs say, and puts what is not
// yet committed of their inputs on the agenda.
func (d *Driver) start() error {
	d.owner++
	d.errors = reactor.NewErrorLimit(d.settings.maxErrors)
	for _, t := range d.tasks {
		if err := d.open(t); err != nil {
			return err
		}
	}
	d.agenda = nil
	for _, q := range d.queues {
		waiting := q.records
		q.records, q.taken = nil, 0
		for _, r := range waiting {
			d.agenda.add(q, r)
		}
	}
	return nil
}

func (d *Driver) close() {
	for _, t := range d.tasks {
		if err := t.close(); err != nil {
			d.t.Errorf("streamtest: close: %v", err)
		}
	}
}

// run processes what waits, record by record, until nothing is left. An error stops the app.
func (d *Driver) run() error {
	for len(d.agenda) > 0 {
		q, head := d.agenda.take()
		if err := d.process(q, head); err != nil {
			d.stop(q.task, err)
			return err
		}
		q.records = slices.Delete(q.records, 0, q.taken)
		q.taken = 0
	}
	return nil
}

// stop is what becomes of an error that ends a task.
func (d *Driver) stop(t *task, err error) {
	t.Abort()
	d.stopped = err
}

// errStopped is wrapped by what is answered once the app has stopped.
var errStopped = errors.New("the app has stopped; Restart brings it back, and takes that record again")

// running is an error once the app has stopped.
func (d *Driver) running() error {
	if d.stopped != nil {
		return fmt.Errorf("%w: %w", errStopped, d.stopped)
	}
	return nil
}

// must fails the test.
func (d *Driver) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatalf("streamtest: %v", err)
	}
}

// Advance moves the wall clock. What the plan does by the wall clock and is due then is done
// before it returns, once each, however far the clock moved.
func (d *Driver) Advance(wall time.Duration) {
	d.t.Helper()
	d.must(d.running())
	if wall < 0 {
		d.t.Fatalf("streamtest: Advance(%v): the wall clock does not go back", wall)
	}
	d.now = d.now.Add(wall)
	for _, t := range d.tasks {
		if err := d.punctuate(t); err != nil {
			d.stop(t, err)
			d.must(err)
		}
	}
	d.must(d.run())
}

// Now is what the wall clock shows.
func (d *Driver) Now() time.Time { return d.now }

// StreamTime is the highest event time that was processed, over all tasks; -1 before the first.
func (d *Driver) StreamTime() record.Time {
	at := record.Time(-1)
	for _, t := range d.tasks {
		at = max(at, t.StreamTime())
	}
	return at
}

// Restart ends the app as a crash does and brings it back elsewhere: nothing that was not
// committed is left, and every store is what its changelog says, so one without changelog is
// empty. A record that stopped the app is processed again; if it stops it again, the test fails.
func (d *Driver) Restart() {
	d.t.Helper()
	for _, t := range d.tasks {
		for reason, n := range t.Counters().Dropped {
			d.dropped[reason] += n
		}
		d.must(t.close())
	}
	d.stopped = nil
	d.must(d.start())
	d.must(d.run())
}

// Metrics are what the tasks have counted since the start, or the last Restart, as App.Metrics gives it:
// records, lateness, stores, and what passed each step. Kafka: TopologyTestDriver.metrics.
func (d *Driver) Metrics() metrics.Snapshot {
	s := metrics.Snapshot{At: d.now, Application: d.settings.applicationID, State: "running", StreamTime: d.StreamTime()}
	totals := &s.Totals
	for _, t := range d.tasks {
		of := t.Metrics()
		of.State = "running"
		totals.Add(&of.Totals)
		s.Tasks = append(s.Tasks, of)
	}
	return s
}

// Dropped is how many records did not go on for that reason: one of processor's Reasons, such as
// "late" or "null_key". A record may count in several steps, and once for each of its windows.
func (d *Driver) Dropped(reason string) int { return d.dropCounts()[processor.Reason(reason)] }

// DroppedTotal is Dropped for all reasons together. Without "null_partition_key" it is Kafka's sum of
// dropped-records-total.
func (d *Driver) DroppedTotal() int {
	total := 0
	for _, n := range d.dropCounts() {
		total += n
	}
	return total
}

func (d *Driver) dropCounts() map[processor.Reason]int {
	counts := map[processor.Reason]int{}
	for reason, n := range d.dropped {
		counts[reason] += int(n)
	}
	for _, t := range d.tasks {
		for reason, n := range t.Counters().Dropped {
			counts[reason] += int(n)
		}
	}
	return counts
}
