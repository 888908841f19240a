package pitwheel_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

const (
	chainStore  = "chains"
	minuteStore = "minutes"
)

var (
	numbers = topology.NewTopic("numbers", serde.String(), serde.Int64())
	chains  = topology.NewTopic("chains", serde.String(), serde.Int64())
	perMin  = windowing.Tumbling(time.Minute)
	minutes = topology.NewTopic("minutes", perMin.KeySerde(serde.String()), serde.Int64())
)

// link is what a chain becomes with the next number: it tells the numbers, how many and their order.
func link(chain, number int64) int64 {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(chain))
	binary.BigEndian.PutUint64(b[8:], uint64(number))
	h := fnv.New64a()
	_, _ = h.Write(b[:])
	return int64(h.Sum64())
}

// chaosPlan makes a chain of each key's numbers behind a repartition topic, on disk, and counts them
// by minute, in memory.
func chaosPlan() (*topology.Plan, error) {
	b := topology.NewBuilder()
	in := b.Stream(numbers)
	in.SelectKey(func(key string, _ int64) string { return "moved-" + key }).
		GroupByKey().
		Aggregate(func() int64 { return 0 }, func(_ string, number, chain int64) int64 { return link(chain, number) }, topology.As(chainStore)).
		ToStream().
		To(chains)
	in.GroupByKey().
		WindowedBy(perMin.Grace(time.Hour)).
		Count(topology.As(minuteStore), topology.InMemory()).
		ToStream().
		To(minutes)
	return b.Build()
}

// load sends numbers until it is stopped, and knows what must come of them.
type load struct {
	b    *broker
	mu   sync.Mutex
	sent int64
	want map[string][]int64 // by key: the chain after each of its numbers
	mins map[string]int64   // by key and minute: how many
}

const (
	chaosKeys    = 211
	perMillisec  = 10 // numbers in a millisecond of event time
	minuteMillis = 60000
)

// send sends some numbers and returns once they are there.
func (l *load) send(n int) {
	records := make([]*kgo.Record, n)
	l.mu.Lock()
	for i := range n {
		number := l.sent
		l.sent++
		key, at := fmt.Sprintf("k%d", (number*number+number)%chaosKeys), number/perMillisec
		records[i] = &kgo.Record{
			Topic: "numbers", Key: []byte(key), Value: binary.BigEndian.AppendUint64(nil, uint64(number)), Timestamp: time.UnixMilli(at),
		}
		chain := int64(0)
		if done := l.want["moved-"+key]; len(done) > 0 {
			chain = done[len(done)-1]
		}
		l.want["moved-"+key] = append(l.want["moved-"+key], link(chain, number))
		l.mins[fmt.Sprintf("%s@%d", key, at/minuteMillis)]++
	}
	l.mu.Unlock()
	if err := l.b.client.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
		l.b.t.Error(err)
	}
}

// run sends numbers, some at a time, until ctx ends.
func (l *load) run(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		l.send(50)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// slot is an instance's place: its id and directory outlive its processes.
type slot struct {
	config pitwheel.Config
	child  *exec.Cmd // nil: it is not a process of its own
	app    *pitwheel.App
	stop   func() error
}

func (s *slot) up() bool { return s.child != nil || s.stop != nil }

// chaos is a group of instances that come and go.
type chaos struct {
	t     *testing.T
	b     *broker
	slots []*slot
	rand  *rand.Rand

	kills, moves, abandoned int
}

func newChaos(t *testing.T, b *broker, instances int) *chaos {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	c := &chaos{t: t, b: b, rand: rand.New(rand.NewPCG(seed, 0))}
	for i := range instances {
		config := b.config(t)
		config.InstanceID = fmt.Sprintf("instance-%d", i)
		config.StateDir = filepath.Join(t.TempDir(), config.InstanceID)
		config.LeaveOnStop, config.Standbys, config.FlushInterval = true, 1, 150*time.Millisecond
		c.slots = append(c.slots, &slot{config: config})
	}
	return c
}

// begin starts an instance: as a process that can be killed, or in this one, where it can be stopped.
func (c *chaos) begin(s *slot, process bool) {
	if process {
		s.child = c.b.child(c.t, s.config, "chaos")
		return
	}
	plan, err := chaosPlan()
	if err != nil {
		c.t.Fatal(err)
	}
	s.app, s.stop = start(c.t, plan, s.config)
}

// end ends an instance: a process is killed, and what it held of the group stays behind; else it
// leaves in good order.
func (c *chaos) end(s *slot) {
	if s.child != nil {
		_ = s.child.Process.Kill()
		_ = s.child.Wait()
		s.child = nil
		c.kills++
		return
	}
	if err := s.stop(); err != nil {
		c.t.Error(err)
	}
	s.app, s.stop = nil, nil
	c.moves++
}

// progress waits until so many more results are there.
func (c *chaos) progress(n int64) {
	c.b.awaitRecords("chains", c.b.records("chains")+n)
}

// step does one thing to one instance: ends it and starts it again, or leaves it away until the next
// step, which lets the others take over.
func (c *chaos) step() {
	for _, s := range c.slots {
		if !s.up() {
			c.begin(s, c.rand.IntN(3) > 0)
			c.progress(100)
			return
		}
	}
	s := c.slots[c.rand.IntN(len(c.slots))]
	killed := s.child != nil
	c.end(s)
	if c.rand.IntN(2) == 0 {
		c.begin(s, c.rand.IntN(3) > 0)
	} else if killed {
		// The group would find out by itself, after the session timeout.
		c.abandoned++
		c.b.kick(s.config.InstanceID)
	}
	c.progress(100)
}

// chaosTime is how long instances come and go.
func chaosTime(t *testing.T) time.Duration {
	text := os.Getenv("PITWHEEL_CHAOS")
	if text == "" {
		return 8 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("PITWHEEL_CHAOS is %q: give a duration, such as 1m", text)
	}
	return d
}

// TestInstancesComeAndGo scales an application from one instance to three and back, and meanwhile kills
// and moves them, while numbers flow. What comes of the numbers is then compared with what a few lines
// of their own make of the same numbers: every single result, in its order, and every row.
func TestInstancesComeAndGo(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	b := newBroker(t, 6, "numbers", "chains", "minutes")
	l := &load{b: b, want: map[string][]int64{}, mins: map[string]int64{}}
	c := newChaos(t, b, 3)
	c.begin(c.slots[0], true)
	ctx, cancel := context.WithCancel(context.Background())
	var sending sync.WaitGroup
	sending.Go(func() { l.run(ctx) })
	defer sending.Wait()
	defer cancel()

	c.progress(1000)
	for _, s := range c.slots[1:] {
		c.begin(s, true)
		c.progress(200)
	}
	for end := time.Now().Add(chaosTime(t)); time.Now().Before(end) && !t.Failed(); {
		c.step()
	}
	for _, s := range c.slots[1:] {
		if s.up() {
			c.end(s)
			b.kick(s.config.InstanceID)
		}
	}
	last := c.slots[0]
	if last.up() {
		c.end(last)
	}
	c.begin(last, false)
	cancel()
	sending.Wait()

	b.checkChains(l.want)
	b.checkMinutes(l.mins)
	c.end(last)
	checkRows(t, last.config.StateDir, l.want)
	t.Logf("%d numbers, %d kills (%d taken over by others), %d moves", l.sent, c.kills, c.abandoned, c.moves)
	b.client.Close()
	b.Close()
	await(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= goroutines })
}

// read gives each record of the topic to f, as a read_committed consumer, until it says that it was
// the last.
func (b *broker) read(topic string, f func(r *kgo.Record) (last bool)) {
	b.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.ListenAddrs()...), kgo.ConsumeTopics(topic), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		b.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for last := false; !last; {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			b.t.Errorf("topic %q: the last result did not come", topic)
			return
		}
		fetches.EachRecord(func(r *kgo.Record) { last = f(r) || last })
	}
}

// checkChains compares all results with what they must be: none missing, none twice, each key's in
// order.
func (b *broker) checkChains(want map[string][]int64) {
	b.t.Helper()
	missing, wrong := 0, 0
	for _, chain := range want {
		missing += len(chain)
	}
	at := map[string]int{}
	b.read("chains", func(r *kgo.Record) bool {
		key, got := string(r.Key), int64(binary.BigEndian.Uint64(r.Value))
		i := at[key]
		if i >= len(want[key]) || want[key][i] != got {
			if wrong++; wrong < 10 {
				b.t.Errorf("key %q: result %d is not that of its first %d numbers (it is at %d)", key, i, i+1, slices.Index(want[key], got))
			}
			i = slices.Index(want[key], got)
		}
		at[key] = i + 1
		missing--
		return missing <= 0
	})
	if missing != 0 || wrong != 0 {
		b.t.Errorf("%d results are missing, %d are wrong", missing, wrong)
	}
}

// checkMinutes checks that each window's counts are 1, 2, 3 ... up to what they must be.
func (b *broker) checkMinutes(want map[string]int64) {
	b.t.Helper()
	missing := int64(0)
	for _, n := range want {
		missing += n
	}
	got := map[string]int64{}
	b.read("minutes", func(r *kgo.Record) bool {
		start := int64(binary.BigEndian.Uint64(r.Key[len(r.Key)-8:]))
		window := fmt.Sprintf("%s@%d", r.Key[:len(r.Key)-8], start/minuteMillis)
		n := int64(binary.BigEndian.Uint64(r.Value))
		if n != got[window]+1 {
			b.t.Errorf("window %s: %d follows %d", window, n, got[window])
		}
		got[window] = n
		missing--
		return missing <= 0
	})
	for window, n := range want {
		if got[window] != n {
			b.t.Errorf("window %s ends at %d, want %d", window, got[window], n)
		}
	}
}

// checkRows compares an instance's rows on disk with the chains' ends.
func checkRows(t *testing.T, dir string, want map[string][]int64) {
	t.Helper()
	tasks, err := filepath.Glob(filepath.Join(dir, "[0-9]*_[0-9]*"))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("no task has a directory in %s: %v", dir, err)
	}
	got := map[string]int64{}
	for _, task := range tasks {
		if !strings.HasPrefix(filepath.Base(task), chainTask) {
			continue
		}
		space, err := store.OpenSpace(store.SpaceConfig{Dir: task})
		if err != nil {
			t.Fatal(err)
		}
		rows := store.OpenKeyValue(space, store.Definition{Name: chainStore}, serde.String(), serde.Int64())
		for key, chain := range rows.All() {
			if _, twice := got[key]; twice {
				t.Errorf("key %q has a row in two tasks", key)
			}
			got[key] = chain
		}
		if err := space.Err(); err != nil {
			t.Error(err)
		}
		if err := space.Close(); err != nil {
			t.Error(err)
		}
	}
	for key, chain := range want {
		if got[key] != chain[len(chain)-1] {
			t.Errorf("row %q is not the fold of its %d numbers", key, len(chain))
		}
		delete(got, key)
	}
	for key := range got {
		t.Errorf("row %q is of no number", key)
	}
}

// chainTask begins the names of the tasks that have the chains.
const chainTask = "1_"
