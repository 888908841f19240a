package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/streamtest"
)

// run is a scenario while its steps are taken.
type run struct {
	vector   *vector
	scenario *scenario
	driver   *streamtest.Driver
	at       string // the step, for messages

	seen       map[string]int               // by topic: how many of its records were compared
	changelogs map[string]map[string]string // by topic, by key: the last value that Java wrote

	refuses map[string]func(at, highest int64) bool // see topo
	highest map[string]int64                        // by changelog topic: the highest time put so far
}

// differs is a difference from the vector: case, scenario, step and field.
func (r *run) differs(field, format string, args ...any) error {
	return fmt.Errorf("case %s, scenario %s, %s, %s: %s",
		r.vector.ID, r.scenario.Name, r.at, field, fmt.Sprintf(format, args...))
}

// step takes a step and compares all that was written in it.
func (r *run) step(i int) error {
	s := r.scenario.Steps[i]
	r.at = fmt.Sprintf("step %d (%v)", i, s)
	if s.Pipe != nil {
		if err := r.pipe(s.Pipe); err != nil {
			return err
		}
	} else {
		r.driver.Advance(time.Duration(s.AdvanceWallClockMs) * time.Millisecond)
	}
	want := map[string][]row{}
	for i := range s.Out {
		topic := s.Out[i].Topic
		want[topic] = append(want[topic], r.wanted(&s.Out[i]))
	}
	topics := r.driver.Topics()
	for topic := range want {
		topics = append(topics, topic)
	}
	slices.Sort(topics)
	for _, topic := range slices.Compact(topics) {
		if err := r.compare(topic, r.written(topic), want[topic]); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) pipe(p *piped) error {
	at := slices.IndexFunc(r.vector.InputTopics, func(t topicTypes) bool { return t.Topic == p.Topic })
	types := r.vector.InputTopics[at]
	key, err := bytesOf(p.Key, types.Key)
	if err != nil {
		return r.differs("key", "%v", err)
	}
	value, err := bytesOf(p.Value, types.Value)
	if err != nil {
		return r.differs("value", "%v", err)
	}
	var headers record.Headers
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		headers = headers.With(name, []byte(p.Headers[name]))
	}
	in := r.driver.Input(streamtest.RawTopic(p.Topic))
	if err := in.TryPipeRecord(record.New(key, value, record.Time(p.Ts)).WithHeaders(headers)); err != nil {
		return r.differs("processing", "%v", err)
	}
	return nil
}

// row is a record of a topic as text.
type row struct{ key, value, ts, headers string }

// wanted is what a vector has.
func (r *run) wanted(w *written) row {
	out := row{key: hexText(w.KeyHex), value: hexText(w.ValueHex), ts: "none", headers: headerText(w.HeadersHex)}
	if types := r.output(w.Topic); types != nil {
		out.key, out.value = show(w.Key), show(w.Value)
		if w.KeyHex != nil {
			out.key += " " + *w.KeyHex
		}
	}
	if w.Ts != nil {
		out.ts = strconv.FormatInt(*w.Ts, 10)
	}
	return out
}

// written is what a topic has got since the last step.
func (r *run) written(topic string) []row {
	types := r.output(topic)
	all := r.driver.Written(topic)
	var rows []row
	for _, w := range all[r.seen[topic]:] {
		headers := map[string]*string{}
		for _, h := range w.Headers {
			text := hexOf(h.Value)
			headers[h.Key] = &text
		}
		got := row{key: hexOf(w.Key), value: hexOf(w.Value), ts: "none", headers: headerText(headers)}
		if types != nil {
			got.key, got.value = showBytes(w.Key, types.Key, types.WindowMs), showBytes(w.Value, types.Value, 0)
			if strings.HasSuffix(types.Key, "_windowed_string") && w.Key != nil {
				got.key += " " + hexOf(w.Key)
			}
		}
		if w.Time >= 0 {
			got.ts = strconv.FormatInt(int64(w.Time), 10)
		}
		rows = append(rows, got)
	}
	r.seen[topic] = len(all)
	return rows
}

// output is the types of an output topic; nil of an internal one.
func (r *run) output(topic string) *topicTypes {
	for i := range r.vector.OutputTopics {
		if r.vector.OutputTopics[i].Topic == topic {
			return &r.vector.OutputTopics[i]
		}
	}
	return nil
}

func headerText(h map[string]*string) string {
	var s strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(&s, "%s=%s ", name, hexText(h[name]))
	}
	return s.String()
}

// end compares what is left when all steps are taken.
func (r *run) end(stores []storeReader) error {
	r.at = "at the end"
	var internal []string
	for _, topic := range r.driver.Topics() {
		if r.output(topic) == nil {
			internal = append(internal, topic)
		}
	}
	if !slices.Equal(internal, r.scenario.InternalTopics) {
		return r.differs("internalTopics", "got %q, want %q", internal, r.scenario.InternalTopics)
	}
	got := map[string]bool{}
	for _, s := range stores {
		got[s.name] = true
		if err := r.compareStore(s.name, s.rows(r.driver)); err != nil {
			return err
		}
	}
	for name := range r.scenario.Stores {
		if !got[name] {
			return r.differs("stores", "store %s is not compared: the topology does not keep it", name)
		}
	}
	// Java does not count what has no key where it would be repartitioned; see docs/deviations.md.
	notCounted := r.driver.Dropped(string(processor.NullPartitionKey))
	if got := r.driver.DroppedTotal() - notCounted; got != r.scenario.Dropped {
		return r.differs("dropped", "got %d, want %d", got, r.scenario.Dropped)
	}
	return nil
}

func (r *run) compareStore(name string, got map[string]string) error {
	rows, ok := r.scenario.Stores[name]
	if !ok {
		return r.differs("stores", "Java has no store %s", name)
	}
	want := map[string]string{}
	for key, v := range rows {
		want[key] = storedText(v)
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got[key] != want[key] {
			return r.differs("store "+name, "key %s: got %q, want %q", key, got[key], want[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[key]; !ok {
			return r.differs("store "+name, "key %s: got %q, want no row", key, got[key])
		}
	}
	return nil
}

// storedText is a row of a vector's store.
func storedText(v any) string {
	if m, ok := v.(map[string]any); ok {
		ts, _ := m["ts"].(json.Number).Int64()
		return timed(show(m["value"]), ts)
	}
	return show(v)
}
