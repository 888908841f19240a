package bench

import (
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/internal/reactor"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// The flow: records of 100,000 keys, uniformly chosen, 5 million to a second of event time, in
// tumbling windows of 10 seconds. A commit is made every second of event time.
const (
	flowKeys   = 100_000
	flowRate   = 5_000_000 // records in a second of event time
	flowWindow = 10 * time.Second
	flowBatch  = 4096
)

// flow is a task that filters, maps and counts in windows, fed by hand.
type flow struct {
	task    *reactor.Task
	space   *store.Space
	shared  *store.Shared
	topics  map[string]*processor.Topic
	input   record.Partition
	raws    []record.Raw
	at      int // the next of raws
	offset  int64
	due     int64 // of records until the next commit
	rate    int64 // records in a second of event time
	keys    int
	random  *rand.Rand
	written changelogBytes
	stages  stages
}

// stages is the time spent in each stage of the way, one clock read a batch.
type stages struct {
	step, freeze, produce, apply time.Duration
}

func (s stages) since(o stages) stages {
	return stages{s.step - o.step, s.freeze - o.freeze, s.produce - o.produce, s.apply - o.apply}
}

// changelogBytes is the sink of changelog records: it looks at every byte, as a producer would.
type changelogBytes struct {
	records, bytes int64
	sum            byte
}

func (s *changelogBytes) take(entries []reactor.Entry) {
	for i := range entries {
		r := &entries[i].Record
		for _, b := range r.Key {
			s.sum += b
		}
		for _, b := range r.Value {
			s.sum ^= b
		}
		s.records++
		s.bytes += int64(len(r.Key) + len(r.Value))
	}
}

func countPlan(tb testing.TB) *plan.Plan {
	tb.Helper()
	in := topology.NewTopic("in", serde.Int64(), serde.Int64())
	b := topology.NewBuilder()
	b.Stream(in).
		Filter(func(_, v int64) bool { return v >= 0 }).
		MapValues(func(_, v int64) int64 { return v + 1 }).
		GroupByKey().
		WindowedBy(windowing.Tumbling(flowWindow)).
		EmitOnClose().
		Count(topology.As("counts"))
	p, err := b.Build()
	if err != nil {
		tb.Fatal(err)
	}
	return p.Compiled()
}

func newFlow(tb testing.TB) *flow {
	tb.Helper()
	return newWatchedFlow(tb, func(*reactor.TaskConfig) {})
}

// newWatchedFlow is a flow whose task is made as watch says.
func newWatchedFlow(tb testing.TB, watch func(*reactor.TaskConfig)) *flow {
	tb.Helper()
	return newPart(tb, newShared(tb), part{keys: flowKeys, of: 1, watch: watch})
}

// part is one of several partitions that share the flow's records and rate evenly.
type part struct {
	keys  int // in this partition
	of    int // partitions
	watch func(*reactor.TaskConfig)
}

func newShared(tb testing.TB) *store.Shared {
	tb.Helper()
	shared := store.NewShared(1<<30, 64<<20)
	tb.Cleanup(func() {
		if err := shared.Close(); err != nil {
			tb.Error(err)
		}
	})
	return shared
}

func newPart(tb testing.TB, shared *store.Shared, p part) *flow {
	tb.Helper()
	f := &flow{
		topics: map[string]*processor.Topic{},
		input:  record.Partition{Topic: "in"},
		due:    flowRate / int64(p.of),
		rate:   flowRate / int64(p.of),
		shared: shared,
		keys:   p.keys,
		random: rand.New(rand.NewPCG(1, 2)),
	}
	for _, name := range []string{"in", "app-counts-changelog"} {
		f.topics[name] = &processor.Topic{Name: name, Partitions: 1}
	}
	var err error
	f.space, err = store.OpenSpace(store.SpaceConfig{Dir: tb.TempDir(), Shared: f.shared, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	config := reactor.TaskConfig{
		ApplicationID: "app", Subtopology: countPlan(tb).Subtopologies[0], Space: f.space,
		Logger: slog.New(slog.DiscardHandler),
		Topic:  func(name string) *processor.Topic { return f.topics[name] },
	}
	p.watch(&config)
	f.task, err = reactor.NewTask(config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := f.space.Close(); err != nil {
			tb.Error(err)
		}
	})
	f.raws = make([]record.Raw, 1<<20/p.of)
	bytes := make([]byte, 16*len(f.raws))
	for i := range f.raws {
		at := 16 * i
		f.raws[i] = record.Raw{Key: bytes[at : at+8 : at+8], Value: bytes[at+8 : at+16 : at+16]}
		binary.BigEndian.PutUint64(f.raws[i].Value, uint64(i))
	}
	f.rekey()
	return f
}

// rekey gives every record another key, chosen uniformly.
func (f *flow) rekey() {
	for i := range f.raws {
		binary.BigEndian.PutUint64(f.raws[i].Key, uint64(f.random.IntN(f.keys))*0x9E3779B97F4A7C15>>1)
	}
}

// run processes n records.
func (f *flow) run(tb testing.TB, n int) {
	tb.Helper()
	for n > 0 {
		size := min(n, flowBatch, len(f.raws)-f.at, int(f.due))
		batch := f.raws[f.at : f.at+size]
		for i := range batch {
			batch[i].Offset = f.offset
			batch[i].Time = record.Time(f.offset * 1000 / f.rate)
			f.offset++
		}
		f.feed(tb, batch)
		n -= size
		f.at = (f.at + size) % len(f.raws)
		if f.due -= int64(size); f.due == 0 {
			f.due = f.rate
			f.commit(tb)
		}
	}
}

// feed gives the task fetched records, which follow those before, and has it process them.
func (f *flow) feed(tb testing.TB, batch []record.Raw) {
	tb.Helper()
	begin := time.Now()
	next := batch[len(batch)-1].Offset + 1
	f.task.BeginTurn(begin)
	f.task.Feed(f.input, batch, next, next)
	if _, err := f.task.Step(len(batch)); err != nil {
		tb.Fatal(err)
	}
	f.space.Trim()
	f.task.TakeOutputs()
	f.task.EndTurn(begin, nil)
	f.stages.step += time.Since(begin)
}

func (f *flow) commit(tb testing.TB) {
	tb.Helper()
	begin := time.Now()
	c, err := f.task.Freeze()
	if err != nil {
		tb.Fatal(err)
	}
	if c == nil {
		return
	}
	f.task.TakeOutputs()
	frozen := time.Now()
	f.written.take(c.Changelog)
	produced := time.Now()
	defer func() {
		f.stages.freeze += frozen.Sub(begin)
		f.stages.produce += produced.Sub(frozen)
		f.stages.apply += time.Since(produced)
	}()
	positions := c.Positions(map[string]int64{"counts": f.written.records})
	if _, err := c.Metadata(positions); err != nil {
		tb.Fatal(err)
	}
	if err := f.task.Apply(c, positions, 0); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkTumblingCount is the whole way of a record in one goroutine, from its bytes to a window
// count that is committed to Pebble and the changelog.
func BenchmarkTumblingCount(b *testing.B) {
	f := newFlow(b)
	f.run(b, 2*flowRate) // the steady state: caches and arenas have their size
	before, spent := f.written, f.stages
	b.ReportAllocs()
	b.ResetTimer()
	f.run(b, b.N)
	b.StopTimer()
	rows := float64(f.written.records - before.records)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(rows/float64(b.N), "rows/record")
	in := f.stages.since(spent)
	b.ReportMetric(float64(in.step.Nanoseconds())/float64(b.N), "step-ns/record")
	if rows > 0 {
		b.ReportMetric(float64(in.freeze.Nanoseconds())/rows, "encode-ns/row")
		b.ReportMetric(float64(in.apply.Nanoseconds())/rows, "apply-ns/row")
	}
}

// TestTumblingCountIsRight runs the flow of the benchmark and adds up what its changelog says.
func TestTumblingCountIsRight(t *testing.T) {
	f := newFlow(t)
	const n = 300_000
	f.run(t, n)
	c, err := f.task.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for i := range c.Changelog {
		sum += int64(binary.BigEndian.Uint64(c.Changelog[i].Record.Value))
	}
	if sum != n {
		t.Errorf("counted %d of %d records", sum, n)
	}
}

// TestRecordsAllocateNothing is the flow's budget: in the steady state less than one allocation in a
// hundred records, which are those of commits and of windows that begin.
func TestRecordsAllocateNothing(t *testing.T) {
	f := newFlow(t)
	f.run(t, 2*flowRate)
	const n = 1_000_000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f.run(t, n)
	runtime.ReadMemStats(&after)
	if allocs := float64(after.Mallocs-before.Mallocs) / n; allocs > 0.01 {
		t.Errorf("%.3f allocations a record, want at most 0.01", allocs)
	}
}
