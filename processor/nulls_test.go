package processor

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

// Every cell of the table in docs/nulls.md is run: the verbs are the table's rows, and each row of
// the table must have a verb here and the other way round.
func TestNullsAreHandledAsDocumented(t *testing.T) {
	rows := nullTable(t)
	for verb, run := range nullVerbs {
		row, ok := rows[verb]
		if !ok {
			t.Errorf("docs/nulls.md has no row %q", verb)
			continue
		}
		delete(rows, verb)
		for column, name := range nullColumns {
			if want := row[column]; want != "-" {
				t.Run(verb+"/"+name, func(t *testing.T) {
					if got := run(t, column); got != want {
						t.Errorf("got %q, docs/nulls.md says %q", got, want)
					}
				})
			}
		}
	}
	for verb := range rows {
		t.Errorf("docs/nulls.md has the row %q, which is not tested", verb)
	}
}

var nullColumns = []string{
	"null key, type holds it", "null key, type does not",
	"null value, type holds it", "null value, type does not",
}

// nullTable reads the rows of five cells.
func nullTable(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile("../docs/nulls.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string][]string)
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 5 {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if cells[0] != "Verb" && !strings.HasPrefix(cells[0], "---") {
			rows[cells[0]] = cells[1:]
		}
	}
	return rows
}

// nullVerb runs one cell of a verb's row and says what happened, in the table's words.
type nullVerb func(t *testing.T, column int) string

// trial is one cell's run. K and V are pointers or strings.
type trial[K, V any] struct {
	host    fakeHost
	step    *Step
	record  record.Record[K, V]
	called  bool // the function was
	went    bool // a record went on
	ends    bool // the verb hands nothing on
	counted bool // the record counted, without a function that would have seen it
}

func (c *trial[K, V]) next(*record.Record[K, V]) error { c.went = true; return nil }

func (c *trial[K, V]) call(K, V) { c.called = true }

func (c *trial[K, V]) outcome() string {
	switch {
	case len(c.host.failed) > 0:
		if c.called || c.went {
			return "failed after it was called or went on"
		}
		return string(c.host.failed[0].Reason)
	case c.counted && !c.called:
		return "counted"
	case c.called && (c.went || c.ends):
		return "seen"
	case c.went:
		return "passed on"
	case c.ends:
		return "not called"
	default:
		return "lost"
	}
}

// verbOf builds a nullVerb from one body per combination of types: keys and values that hold null
// and that do not.
func verbOf(
	keyHolds func(*testing.T, *trial[*string, string]),
	keyDoesNot func(*testing.T, *trial[string, string]),
	valueHolds func(*testing.T, *trial[string, *string]),
) nullVerb {
	return func(t *testing.T, column int) string {
		switch column {
		case 0:
			return try(t, record.New[*string, string](nil, "v", 5), keyHolds)
		case 1:
			return try(t, record.New("", "v", 5).WithoutKey(), keyDoesNot)
		case 2:
			return try(t, record.New[string, *string]("k", nil, 5), valueHolds)
		default:
			return try(t, record.New("k", "", 5).AsTombstone(), keyDoesNot)
		}
	}
}

func try[K, V any](t *testing.T, r record.Record[K, V], run func(*testing.T, *trial[K, V])) string {
	t.Helper()
	c := &trial[K, V]{record: r}
	c.step = c.host.step("step")
	run(t, c)
	return c.outcome()
}

// emitting is a body that binds the verb and emits the record to it.
func emitting[K, V any](bind func(c *trial[K, V]) Emit[K, V]) func(*testing.T, *trial[K, V]) {
	return func(t *testing.T, c *trial[K, V]) { pipe(t, bind(c), c.record) }
}

// S does not hold null, P does.
type (
	S = string
	P = *string
)

var nullVerbs = map[string]nullVerb{
	"Filter": verbOf(emitting(nullFilter[P, S]), emitting(nullFilter[S, S]), emitting(nullFilter[S, P])),
	"FilterNot": verbOf(
		emitting(nullFilterNot[P, S]), emitting(nullFilterNot[S, S]), emitting(nullFilterNot[S, P]),
	),
	"Split": verbOf(emitting(nullSplit[P, S]), emitting(nullSplit[S, S]), emitting(nullSplit[S, P])),
	"Map":   verbOf(emitting(nullMap[P, S]), emitting(nullMap[S, S]), emitting(nullMap[S, P])),
	"SelectKey": verbOf(
		emitting(nullSelectKey[P, S]), emitting(nullSelectKey[S, S]), emitting(nullSelectKey[S, P]),
	),
	"FlatMap": verbOf(
		emitting(nullFlatMap[P, S]), emitting(nullFlatMap[S, S]), emitting(nullFlatMap[S, P]),
	),
	"MapValues": verbOf(
		emitting(nullMapValues[P, S]), emitting(nullMapValues[S, S]), emitting(nullMapValues[S, P]),
	),
	"FlatMapValues": verbOf(
		emitting(nullFlatMapValues[P, S]), emitting(nullFlatMapValues[S, S]), emitting(nullFlatMapValues[S, P]),
	),
	"Peek":    verbOf(emitting(nullPeek[P, S]), emitting(nullPeek[S, S]), emitting(nullPeek[S, P])),
	"ForEach": verbOf(emitting(nullForEach[P, S]), emitting(nullForEach[S, S]), emitting(nullForEach[S, P])),
	"Print":   verbOf(emitting(nullPrint[P, S]), emitting(nullPrint[S, S]), emitting(nullPrint[S, P])),
	"Table, ToTable": verbOf(
		nullTableSource[P, S],
		nullTableSource[S, S],
		nullTableSource[S, P],
	),
	"Filter, FilterNot of a table": verbOf(
		nullTableFilter[P, S],
		nullTableFilter[S, S],
		nullTableFilter[S, P],
	),
	"Process, ProcessValues": verbOf(
		emitting(nullProcess[P, S]), emitting(nullProcess[S, S]), emitting(nullProcess[S, P]),
	),
	"Merge": verbOf(emitting(nullMerge[P, S]), emitting(nullMerge[S, S]), emitting(nullMerge[S, P])),
	"Repartition": verbOf(
		emitting(nullRepartition[P, S]), emitting(nullRepartition[S, S]), emitting(nullRepartition[S, P]),
	),

	"Count, Reduce, Aggregate": verbOf(
		nullAggregate[P, S],
		nullAggregate[S, S],
		nullAggregate[S, P],
	),
	"windowed Count": verbOf(
		nullWindowedCount[P, S],
		nullWindowedCount[S, S],
		nullWindowedCount[S, P],
	),
	"windowed Reduce, Aggregate": verbOf(
		nullWindowed[P, S],
		nullWindowed[S, S],
		nullWindowed[S, P],
	),
	"ToStream": verbOf(
		nullToStream[P, S],
		nullToStream[S, S],
		nullToStream[S, P],
	),

	"To": verbOf(
		nullSink[P, S],
		nullSink[S, S],
		nullSink[S, P],
	),
	"To with a partitioner": verbOf(
		nullPartitioner[P, S],
		nullPartitioner[S, S],
		nullPartitioner[S, P],
	),
	"To a topic chosen by the record": verbOf(
		nullDynamicSink[P, S],
		nullDynamicSink[S, S],
		nullDynamicSink[S, P],
	),
	"EventTime of a source": verbOf(
		nullEventTime[P, S],
		nullEventTime[S, S],
		nullEventTime[S, P],
	),
	"Timestamp of a source": verbOf(
		nullTimestamp[P, S],
		nullTimestamp[S, S],
		nullTimestamp[S, P],
	),
}

func nullFilter[K, V any](c *trial[K, V]) Emit[K, V] {
	return Filter(c.step, func(k K, v V) bool { c.call(k, v); return true }, c.next)
}

func nullFilterNot[K, V any](c *trial[K, V]) Emit[K, V] {
	return FilterNot(c.step, func(k K, v V) bool { c.call(k, v); return false }, c.next)
}

func nullSplit[K, V any](c *trial[K, V]) Emit[K, V] {
	wants := []func(K, V) bool{func(k K, v V) bool { c.call(k, v); return true }}
	return Split(c.step, wants, []Emit[K, V]{c.next}, nil)
}

func nullMap[K, V any](c *trial[K, V]) Emit[K, V] {
	return Map(c.step, func(k K, v V) (K, V) { c.call(k, v); return k, v }, c.next)
}

func nullSelectKey[K, V any](c *trial[K, V]) Emit[K, V] {
	return SelectKey(c.step, func(k K, v V) K { c.call(k, v); return k }, c.next)
}

func nullFlatMap[K, V any](c *trial[K, V]) Emit[K, V] {
	return FlatMap(c.step, func(k K, v V, emit func(K, V)) { c.call(k, v); emit(k, v) }, c.next)
}

func nullMapValues[K, V any](c *trial[K, V]) Emit[K, V] {
	return MapValues(c.step, func(k K, v V) V { c.call(k, v); return v }, c.next)
}

func nullFlatMapValues[K, V any](c *trial[K, V]) Emit[K, V] {
	return FlatMapValues(c.step, func(k K, v V, emit func(V)) { c.call(k, v); emit(v) }, c.next)
}

func nullPeek[K, V any](c *trial[K, V]) Emit[K, V] { return Peek(c.step, c.call, c.next) }

func nullForEach[K, V any](c *trial[K, V]) Emit[K, V] {
	c.ends = true
	return ForEach(c.step, c.call)
}

// nullPrint sees null: it writes it.
func nullPrint[K, V any](c *trial[K, V]) Emit[K, V] {
	c.ends = true
	var out strings.Builder
	emit := Print[K, V](c.step, "label", NewLines(&out))
	return func(r *record.Record[K, V]) error {
		err := emit(r)
		c.called = strings.Contains(out.String(), "null")
		return err
	}
}

func nullTableSource[K, V any](t *testing.T, c *trial[K, V]) {
	rows := openKeyValue(t, nullSerde[K](), nullSerde[V]())
	out := ChangeOut[K, V]{Next: func(u *Change[K, V]) error { c.went = !u.HasNew; return nil }}
	pipe(t, TableSource(c.step, rows, out), c.record)
}

func nullTableFilter[K, V any](t *testing.T, c *trial[K, V]) {
	out := ChangeOut[K, V]{Next: func(u *Change[K, V]) error { c.went = !u.HasNew; return nil }}
	emit := FilterTable(c.step, func(k K, v V) bool { c.call(k, v); return true }, nil, false, out)
	if err := emit(&Change[K, V]{Key: c.record.Key(), Time: c.record.Time()}); err != nil {
		t.Fatal(err)
	}
}

func nullMerge[K, V any](c *trial[K, V]) Emit[K, V] { return Pass(Emit[K, V](c.next)) }

func nullRepartition[K, V any](c *trial[K, V]) Emit[K, V] { return Repartition(c.step, c.next) }

// nullSerde is of pointers and strings alike: no null reaches it, and the bytes do not matter.
func nullSerde[T any]() serde.Serde[T] {
	return serde.Func(
		func(dst []byte, _ T) ([]byte, error) { return append(dst, 'x'), nil },
		func([]byte) (T, error) {
			var v any = "x"
			if _, isText := any(*new(T)).(string); !isText {
				v = text("x")
			}
			return v.(T), nil
		},
	)
}

func nullAggregate[K, V any](t *testing.T, c *trial[K, V]) {
	rows := openKeyValue(t, nullSerde[K](), serde.Int64())
	out := ChangeOut[K, int64]{Next: func(*Change[K, int64]) error { c.went = true; return nil }}
	pipe(t, Aggregate(c.step, rows, func() int64 { return 0 }, func(k K, v V, n int64) int64 {
		c.call(k, v)
		return n + 1
	}, out), c.record)
}

func nullWindowed[K, V any](t *testing.T, c *trial[K, V]) {
	w := windowing.Tumbling(time.Second)
	rows := openWindow(t, w, nullSerde[K](), serde.Int64())
	out := ChangeOut[windowing.Key[K], int64]{
		Next: func(*Change[windowing.Key[K], int64]) error { c.went = true; return nil },
	}
	pipe(t, AggregateWindowed(c.step, rows, WindowedConfig{Windows: w}, func() int64 { return 0 },
		func(k K, v V, n int64) int64 {
			c.call(k, v)
			return n + 1
		}, out), c.record)
}

func nullWindowedCount[K, V any](t *testing.T, c *trial[K, V]) {
	w := windowing.Tumbling(time.Second)
	rows := openWindow(t, w, nullSerde[K](), serde.Int64())
	out := ChangeOut[windowing.Key[K], int64]{
		Next: func(u *Change[windowing.Key[K], int64]) error { c.counted = u.New == 1; return nil },
	}
	pipe(t, AggregateWindowed(c.step, rows, WindowedConfig{Windows: w, Counts: true}, func() int64 { return 0 },
		func(_ K, _ V, n int64) int64 { return n + 1 }, out), c.record)
}

func nullToStream[K, V any](t *testing.T, c *trial[K, V]) {
	emit := ToStream(func(r *record.Record[K, V]) error {
		c.went = r.IsTombstone()
		return nil
	})
	if err := emit(&Change[K, V]{Key: c.record.Key()}); err != nil {
		t.Fatal(err)
	}
}

// nullWritten says that the null has arrived in the output as such.
func nullWritten[K, V any](c *trial[K, V]) {
	for _, out := range c.host.outputs.Records {
		c.went = (out.Key == nil) == !c.record.HasKey() && (out.Value == nil) == c.record.IsTombstone()
	}
}

func nullSink[K, V any](t *testing.T, c *trial[K, V]) {
	topic := &Topic{Name: "out", Partitions: 3}
	pipe(t, Sink(c.step, topic, SinkConfig[K, V]{Key: nullSerde[K](), Value: nullSerde[V]()}), c.record)
	nullWritten(c)
}

func nullPartitioner[K, V any](t *testing.T, c *trial[K, V]) {
	config := SinkConfig[K, V]{
		Key: nullSerde[K](), Value: nullSerde[V](),
		Partitioner: func(k K, v V, _ int) int { c.call(k, v); return 1 },
	}
	pipe(t, Sink(c.step, &Topic{Name: "out", Partitions: 3}, config), c.record)
	nullWritten(c)
}

func nullDynamicSink[K, V any](t *testing.T, c *trial[K, V]) {
	topic := &Topic{Name: "out", Partitions: 3}
	pipe(t, DynamicSink(c.step,
		func(k K, v V) string { c.call(k, v); return "out" },
		func(string) *Topic { return topic },
		SinkConfig[K, V]{Key: nullSerde[K](), Value: nullSerde[V]()},
	), c.record)
	nullWritten(c)
}

func nullEventTime[K, V any](t *testing.T, c *trial[K, V]) {
	loadNull(t, c, SourceConfig[K, V]{
		EventTime: func(k K, v V) time.Time { c.call(k, v); return time.UnixMilli(5) },
	})
}

func nullTimestamp[K, V any](t *testing.T, c *trial[K, V]) {
	loadNull(t, c, SourceConfig[K, V]{
		Timestamp: func(r record.Record[K, V], _ record.Time) record.Time {
			c.called = r.HasKey() == c.record.HasKey() && r.IsTombstone() == c.record.IsTombstone()
			return 5
		},
	})
}

// loadNull reads the trial's record from a topic.
func loadNull[K, V any](t *testing.T, c *trial[K, V], config SourceConfig[K, V]) {
	config.Key, config.Value = nullSerde[K](), nullSerde[V]()
	raw := record.Raw{Time: 5}
	if c.record.HasKey() {
		raw.Key = []byte("x")
	}
	if !c.record.IsTombstone() {
		raw.Value = []byte("x")
	}
	source := NewTypedSource(c.step, config, c.next)("in")
	_, ok, err := source.Load(&raw, -1)
	if err != nil {
		t.Fatal(err)
	}
	if ok {
		if err := source.Emit(); err != nil {
			t.Fatal(err)
		}
	}
}
