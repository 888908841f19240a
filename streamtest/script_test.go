package streamtest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// act is a step of a script.
type act struct {
	key, value string
	at         record.Time
	header     bool
	restart    bool
}

func drawActs(t *rapid.T) []act {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
		return act{
			key:     rapid.StringOfN(rapid.RuneFrom([]rune("abcdefgh")), 0, 2, -1).Draw(t, "key"),
			value:   rapid.StringOfN(rapid.RuneFrom([]rune("abc ")), 0, 6, -1).Draw(t, "value"),
			at:      record.Time(rapid.Int64Range(0, 200).Draw(t, "at")),
			header:  rapid.Bool().Draw(t, "header"),
			restart: rapid.IntRange(0, 19).Draw(t, "restart") == 0,
		}
	}), 1, 40).Draw(t, "acts")
}

// tangled is a topology with a bit of everything: hash order anywhere would show.
func tangled(b *topology.Builder) {
	w := windowing.Hopping(40*time.Millisecond, 10*time.Millisecond).Grace(50 * time.Millisecond)
	s := b.Stream(in)
	words := s.FlatMap(func(k, v string, emit func(k, v string)) {
		for word := range strings.FieldsSeq(v) {
			emit(word, k)
		}
	})
	words.GroupByKey().Count(topology.As("words"), topology.Cached()).ToStream().To(counts)
	lastEight := func(_, a, v string) string { return (a + v)[max(0, len(a+v)-8):] }
	words.GroupByKey().Reduce(lastEight).ToStream().To(out)
	s.GroupByKey().WindowedBy(w).Count(topology.Cached()).ToStream().
		To(topology.NewTopic("hopping", w.KeySerde(serde.String()), serde.Int64()))
	s.GroupByKey().WindowedBy(w).EmitOnClose().Count().ToStream().
		To(topology.NewTopic("closed", w.KeySerde(serde.String()), serde.Int64()))
}

// effects is everything that a script makes, as text.
func effects(t testing.TB, acts []act, restarts bool) string {
	d := streamtest.New(t, build(t, tangled), streamtest.Partitions(3))
	for _, a := range acts {
		r := record.New(a.key, a.value, a.at)
		if a.header {
			r = r.WithHeaders(record.Headers{{Key: "h", Value: []byte(a.value)}})
		}
		d.Input(in).PipeRecord(r)
		if a.restart && restarts {
			d.Restart()
		}
	}
	var s strings.Builder
	for _, topic := range d.Topics() {
		for _, w := range d.Written(topic) {
			fmt.Fprintf(&s, "%s %d %d %q %q %d %v\n", topic, w.Partition, w.Offset, w.Key, w.Value, w.Time, w.Headers)
		}
	}
	fmt.Fprintf(&s, "late %d, in all %d, stream time %d\n", d.Dropped("late"), d.DroppedTotal(), d.StreamTime())
	return s.String()
}

// The same script gives the same effects, byte for byte. Each driver has its own hash seeds.
func TestTheSameScriptGivesTheSameEffects(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		acts := drawActs(rt)
		first, second := effects(t, acts, true), effects(t, acts, true)
		if first != second {
			rt.Fatalf("first\n%s\nthen\n%s", first, second)
		}
	})
}

// Where no record is late, an app that is restarted at any time does what one does that is not.
// Late records are another matter: a step's stream time does not survive, as in Kafka Streams.
func TestRestartsDoNotShow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		acts := drawActs(rt)
		for i := range acts {
			acts[i].at = record.Time(10 * i)
		}
		with, without := effects(t, acts, true), effects(t, acts, false)
		if with != without {
			rt.Fatalf("with restarts\n%s\nwithout\n%s", with, without)
		}
	})
}
