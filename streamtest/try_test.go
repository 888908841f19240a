package streamtest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
)

var errThirteen = errors.New("thirteen")

func fails(v int64) error {
	if v == 13 {
		return errThirteen
	}
	return nil
}

// tries are the Try forms, each as a step from numbers to tried, or to nowhere.
var tries = map[string]func(topology.Stream[string, int64], topology.Topic[string, int64]){
	"TryMap": func(s topology.Stream[string, int64], to topology.Topic[string, int64]) {
		s.TryMap(func(k string, v int64) (string, int64, error) { return k, v, fails(v) }).To(to)
	},
	"TryMapValues": func(s topology.Stream[string, int64], to topology.Topic[string, int64]) {
		s.TryMapValues(func(_ string, v int64) (int64, error) { return v, fails(v) }).To(to)
	},
	"TryFlatMap": func(s topology.Stream[string, int64], to topology.Topic[string, int64]) {
		s.TryFlatMap(func(k string, v int64, emit func(string, int64)) error {
			emit(k, v)
			return fails(v)
		}).To(to)
	},
	"TryFlatMapValues": func(s topology.Stream[string, int64], to topology.Topic[string, int64]) {
		s.TryFlatMapValues(func(_ string, v int64, emit func(int64)) error {
			emit(v)
			return fails(v)
		}).To(to)
	},
	"TryForEach": func(s topology.Stream[string, int64], to topology.Topic[string, int64]) {
		s.To(to)
		s.TryForEach(func(_ string, v int64) error { return fails(v) })
	},
}

// TestReturnedErrorsGoToThePolicy gives each Try form a record that its function refuses.
func TestReturnedErrorsGoToThePolicy(t *testing.T) {
	tried := topology.NewTopic("tried", serde.String(), serde.Int64())
	for name, try := range tries {
		t.Run(name, func(t *testing.T) {
			plan := build(t, func(b *topology.Builder) { try(b.Stream(numbers), tried) })

			d := streamtest.New(t, plan)
			err := d.Input(numbers).TryPipeRecord(streamtest.Record[string, int64]{}.WithKey("k").WithValue(int64(13)))
			if !errors.Is(err, errThirteen) || !strings.Contains(err.Error(), "KSTREAM-") {
				t.Errorf("got %v, want the function's error and the step", err)
			}

			d = streamtest.New(t, plan, streamtest.OnError(topology.ErrorPolicies{Process: topology.Skip()}))
			for _, v := range []int64{1, 13, 2} {
				d.Input(numbers).Pipe("k", v, 0)
			}
			var got []int64
			for _, r := range d.Output(tried).All() {
				got = append(got, r.Value())
			}
			passes := name == "TryForEach" // its sibling has the record
			if n := len(got); d.Dropped("process") != 1 || passes != (n == 3) || !passes && n != 2 {
				t.Errorf("%d dropped, %v went on", d.Dropped("process"), got)
			}
		})
	}
}
