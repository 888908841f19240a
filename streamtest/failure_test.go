package streamtest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

var errOdd = errors.New("odd")

// numbers is read by a plan in which much may go wrong: see fragile.
var numbers = topology.NewTopic("numbers", serde.String(), serde.Int64())

// fragile panics for 13, counts by a function in windows without grace, and writes the counts.
func fragile(b *topology.Builder) {
	w := windowing.Tumbling(10 * time.Millisecond)
	b.Stream(numbers).
		Peek(func(_ string, v int64) {
			if v == 13 {
				panic("thirteen")
			}
		}, topology.Name("superstition")).
		GroupByKey().
		WindowedBy(w).
		Aggregate(func() int64 { return 0 }, func(_ string, _, n int64) int64 { return n + 1 },
			topology.Name("count"), topology.As("counted")).
		ToStream().
		To(topology.NewTopic("counted", w.KeySerde(serde.String()), serde.Int64()))
}

// badRecords are what fragile cannot digest, by reason. A record of time 100 goes before them.
var badRecords = map[string]struct {
	record  record.Record[[]byte, []byte]
	step    string
	dropped bool   // Kafka Streams would drop it: so does the default
	cause   string // what its error says besides
}{
	"decode_value": {
		record.New([]byte("k"), []byte("short"), 100), "KSTREAM-SOURCE-0000000000", false, "int64",
	},
	"process": {
		record.New([]byte("k"), []byte{0, 0, 0, 0, 0, 0, 0, 13}, 100), "superstition", false, "panic: thirteen",
	},
	"null_key": {
		record.New([]byte(nil), []byte{0, 0, 0, 0, 0, 0, 0, 1}, 100), "count", true, "",
	},
	"null_value": {
		record.New([]byte("k"), []byte(nil), 100), "count", true, "",
	},
	"late": {
		record.New([]byte("k"), []byte{0, 0, 0, 0, 0, 0, 0, 1}, 9), "count", true, "window [0, 10) is closed",
	},
	"negative_timestamp": {
		record.New([]byte("k"), []byte{0, 0, 0, 0, 0, 0, 0, 1}, -1), "KSTREAM-SOURCE-0000000000", true, "event time -1",
	},
}

func policies(p topology.ErrorPolicy) streamtest.Option {
	return streamtest.OnError(topology.ErrorPolicies{Decode: p, Process: p, Dropped: p})
}

// started is a driver of fragile that has processed a good record, and its raw input.
func started(t testing.TB, opts ...streamtest.Option) (*streamtest.Driver, streamtest.Input[[]byte, []byte]) {
	t.Helper()
	d := streamtest.New(t, build(t, fragile), opts...)
	d.Input(numbers).Pipe("k", 1, 100)
	in := d.Input(streamtest.RawTopic("numbers"))
	return d, in
}

func TestBadRecordStopsTheAppWhereThePolicyIsFail(t *testing.T) {
	for reason, bad := range badRecords {
		t.Run(reason, func(t *testing.T) {
			d, in := started(t, policies(topology.Fail()))
			err := in.TryPipeRecord(bad.record)
			if err == nil {
				t.Fatal("the app goes on")
			}
			for _, part := range []string{
				"task 0_0", `topic "numbers" partition 0 offset 1`, `step "` + bad.step + `"`, reason, bad.cause,
				"set an error policy",
			} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error does not say %q: %v", part, err)
				}
			}
			if d.DroppedTotal() != 0 {
				t.Errorf("%d records count as dropped", d.DroppedTotal())
			}
			again := d.Input(numbers).TryPipeRecord(record.New("k", int64(1), 100))
			if again == nil || !strings.Contains(again.Error(), "the app has stopped") || !errors.Is(again, err) {
				t.Errorf("the next record gives %v", again)
			}
			if len(d.Written("counted")) != 1 {
				t.Errorf("the app has written %v", d.Written("counted"))
			}
		})
	}
}

// Errors that policies let pass are counted over all records and bounded; what is late is no error. A
// restart counts anew.
func TestErrorsAreLetPassUpToALimit(t *testing.T) {
	d, in := started(t, policies(topology.Skip()), streamtest.MaxErrors(2))
	pass := func(reasons ...string) {
		t.Helper()
		for _, reason := range reasons {
			if err := in.TryPipeRecord(badRecords[reason].record); err != nil {
				t.Fatalf("%s: %v", reason, err)
			}
		}
	}
	pass("process", "late", "decode_value", "null_key", "late")
	d.Restart()
	pass("process", "process", "late")
	err := in.TryPipeRecord(badRecords["decode_value"].record)
	if err == nil || !strings.Contains(err.Error(), "decode_value") {
		t.Errorf("one error too many gives %v", err)
	}
}

func TestPipeFailsTheTestWhereTheAppWouldStop(t *testing.T) {
	got := failure(t, func(tb testing.TB) {
		d, _ := started(tb)
		d.Input(numbers).Pipe("k", 13, 100)
	})
	if !strings.Contains(got, "panic: thirteen") {
		t.Errorf("the test fails with %q", got)
	}
	got = failure(t, func(tb testing.TB) {
		d, in := started(tb)
		if err := in.TryPipeRecord(badRecords["process"].record); err == nil {
			t.Error("the app goes on")
		}
		d.Advance(time.Second)
	})
	if !strings.Contains(got, "the app has stopped") {
		t.Errorf("the test fails with %q", got)
	}
}

func TestBadRecordIsCountedWhereThePolicyIsSkip(t *testing.T) {
	for reason, bad := range badRecords {
		t.Run(reason, func(t *testing.T) {
			var opts []streamtest.Option
			if !bad.dropped {
				opts = append(opts, policies(topology.Skip()))
			}
			d, in := started(t, opts...)
			in.PipeRecord(bad.record)
			if d.Dropped(reason) != 1 || d.DroppedTotal() != 1 {
				t.Errorf("%d were dropped as %s, %d in all; want 1", d.Dropped(reason), reason, d.DroppedTotal())
			}
			d.Input(numbers).Pipe("k", 1, 100)
			if got := d.Written("counted"); len(got) != 2 {
				t.Errorf("the app has written %v", got)
			}
		})
	}
}

func TestBadRecordGoesToTheDeadLetterTopic(t *testing.T) {
	for reason, bad := range badRecords {
		t.Run(reason, func(t *testing.T) {
			d, in := started(t, policies(topology.DeadLetter("dead")))
			in.PipeRecord(bad.record.WithHeaders(record.Headers{{Key: "trace", Value: []byte("t")}}))
			letters := d.Output(streamtest.RawTopic("dead"))
			got, ok := letters.Next()
			if !ok {
				t.Fatal("there is no dead letter")
			}
			if want := bad.record.WithHeaders(got.Headers()); !got.Equal(want) {
				t.Errorf("the dead letter is %v, want the record as it was read, %v", got, want)
			}
			for _, h := range [][2]string{
				{"trace", "t"},
				{"__streams.errors.topic", "numbers"},
				{"__streams.errors.partition", "0"},
				{"__streams.errors.offset", "1"},
				{"pitwheel.errors.reason", reason},
				{"pitwheel.errors.step", bad.step},
			} {
				if v, ok := got.Headers().Get(h[0]); !ok || string(v) != h[1] {
					t.Errorf("header %s is %q, want %q", h[0], v, h[1])
				}
			}
			if v, _ := got.Headers().Get("__streams.errors.message"); !strings.Contains(string(v), bad.cause) {
				t.Errorf("the message is %q, want %q in it", v, bad.cause)
			}
			if v, _ := got.Headers().Get("__streams.errors.stacktrace"); reason == "process" &&
				!strings.Contains(string(v), "fragile") {
				t.Errorf("the stack does not lead to the function that panicked: %s", v)
			}
			if _, more := letters.Next(); more || d.Dropped(reason) != 1 {
				t.Errorf("more dead letters: %v; dropped: %d", more, d.Dropped(reason))
			}
		})
	}
}

// A source's own policies come before the app's, part by part.
func TestSourcePolicyComesBeforeTheApps(t *testing.T) {
	plan := build(t, func(b *topology.Builder) {
		b.Stream(numbers, topology.OnError(topology.ErrorPolicies{Decode: topology.DeadLetter("source-dead")})).
			MapValues(func(_ string, v int64) int64 { return 100 / v }).
			To(counts)
	})
	d := streamtest.New(t, plan, streamtest.OnError(topology.ErrorPolicies{
		Decode: topology.Fail(), Process: topology.DeadLetter("app-dead"),
	}))
	d.Input(streamtest.RawTopic("numbers")).Pipe([]byte("k"), []byte("short"), 0)
	d.Input(numbers).Pipe("k", 0, 0)
	for topic, reason := range map[string]string{"source-dead": "decode_value", "app-dead": "process"} {
		got := d.Output(streamtest.RawTopic(topic)).All()
		if len(got) != 1 || d.Dropped(reason) != 1 {
			t.Errorf("%s has %v, %d were dropped as %s", topic, got, d.Dropped(reason), reason)
		}
	}
}

// Nothing of the record that stopped the app is to be seen anywhere.
func TestStoppedAppHasWrittenNothingOfTheRecord(t *testing.T) {
	var table topology.Table[string, int64]
	plan := build(t, func(b *topology.Builder) {
		s := b.Stream(in)
		table = s.GroupByKey().Count(topology.As("seen"))
		table.ToStream().To(counts)
		s.Peek(func(_, v string) {
			if v == "bad" {
				panic("bad")
			}
		}).To(out)
	})
	d := streamtest.New(t, plan)
	i := d.Input(in)
	i.Pipe("k", "good", 0)
	if err := i.TryPipeRecord(record.New("k", "bad", 0)); err == nil {
		t.Fatal("the app goes on")
	}
	if n, _ := d.KeyValue(table.Store()).Get("k"); n != 1 {
		t.Errorf("the store counts %d, want 1", n)
	}
	for _, topic := range []string{"counts", "out", "app-seen-changelog"} {
		if got := d.Written(topic); len(got) != 1 {
			t.Errorf("%s has %v", topic, got)
		}
	}
}
