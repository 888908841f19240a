package topology_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/topology"
)

// TestANameChangesNoOther: a step's name given later leaves every generated name behind it as it
// was, but for that step's own.
func TestANameChangesNoOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 7), 1, 12).Draw(t, "steps")
		named := rapid.IntRange(0, len(steps)-1).Draw(t, "named")
		without := strings.Split(chain(t, steps, -1), "\n")
		with := strings.Split(chain(t, steps, named), "\n")
		var gone []string
		for _, name := range without {
			if !slices.Contains(with, name) {
				gone = append(gone, name)
			}
		}
		if len(gone) > 1 {
			t.Fatalf("naming step %d changed %v", named, gone)
		}
	})
}

// chain lists the names of a chain of steps, one of them named.
func chain(t *rapid.T, steps []int, named int) string {
	b := topology.NewBuilder()
	s := b.Stream(in)
	for i, step := range steps {
		var opts []topology.StepOption
		if i == named {
			opts = append(opts, topology.Name(fmt.Sprintf("named-%d", i)))
		}
		s = next(s, step, opts)
	}
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, sub := range plan.Compiled().Subtopologies {
		for _, n := range sub.Nodes {
			names = append(names, n.Name)
		}
	}
	return strings.Join(names, "\n")
}

// next adds a step to a stream.
func next(s topology.Stream[string, string], step int, opts []topology.StepOption) topology.Stream[string, string] {
	switch step {
	case 0:
		return s.Filter(always, opts...)
	case 1:
		return s.FilterNot(always, opts...)
	case 2:
		return s.SelectKey(value, opts...)
	case 3:
		return s.Map(swap, opts...)
	case 4:
		return s.MapValues(value, opts...)
	case 5:
		return s.FlatMapValues(words, opts...)
	case 6:
		return s.Peek(func(_, _ string) {}, opts...)
	default:
		return s.Merge(s, opts...)
	}
}
