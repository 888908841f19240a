package pitwheel_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// TestNewTriesProcessors: a processor that opens a store it is not connected with is refused before
// anything runs, and what the trial began is ended. All subtopologies are tried.
func TestNewTriesProcessors(t *testing.T) {
	b := topology.NewBuilder()
	seen := b.KeyValueStore("seen", serde.String(), serde.String())
	var closed int
	setup := func(opens bool, err error) processor.Setup[string, string, string, string] {
		return func(c *processor.Context[string, string]) (processor.Func[string, string], error) {
			c.OnClose(func() error { closed++; return nil })
			if opens {
				seen.In(c)
			}
			return func(record.Record[string, string]) error { return nil }, err
		}
	}
	s := b.Stream(words)
	s.Process(setup(true, nil), topology.Name("user"), seen)
	s.Process(setup(true, nil), topology.Name("stranger"))
	s.SelectKey(func(_, v string) string { return v }).Repartition(topology.Name("by-value")).
		Process(setup(false, errors.New("no such host")), topology.Name("behind"))
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	_, err = pitwheel.New(plan, pitwheel.Config{ApplicationID: "app", Brokers: []string{"localhost:9092"}})
	for _, want := range []string{
		`task 0_0: step "stranger" uses the key-value store "seen" without being connected with it: give the handle to Process`,
		`task 1_0: step "behind": set-up: no such host`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if closed != 3 {
		t.Errorf("%d processors were closed, want 3", closed)
	}
}
