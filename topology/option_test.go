package topology_test

import (
	"reflect"
	"testing"

	"github.com/pitwheel/pitwheel/topology"
)

// TestOptionsFitWhereTheyMeanSomething says which type of option may be given for which: what does
// not implement the interface does not compile there.
func TestOptionsFitWhereTheyMeanSomething(t *testing.T) {
	step := reflect.TypeFor[topology.StepOption]()          // Name
	source := reflect.TypeFor[topology.SourceOption]()      // Reset, OnError
	store := reflect.TypeFor[topology.StoreOption]()        // As, InMemory, ...
	window := reflect.TypeFor[topology.WindowStoreOption]() // Retention
	table := reflect.TypeFor[topology.TableOption]()
	through := reflect.TypeFor[topology.RepartitionOption]() // Partitions
	builder := reflect.TypeFor[topology.BuilderOption]()     // Optimize, RequireNames
	all := []reflect.Type{step, source, store, window, table, through, builder}
	fits := map[reflect.Type][]reflect.Type{
		step:    {step, source, store, window, table, through},
		source:  {source, table},
		store:   {store, window, table},
		table:   {table},
		window:  {window},
		through: {through},
		builder: {builder},
	}
	for _, option := range all {
		for _, wanted := range all {
			want := false
			for _, f := range fits[option] {
				want = want || f == wanted
			}
			if got := option.Implements(wanted); got != want {
				t.Errorf("%v fits %v: %v, want %v", option, wanted, got, want)
			}
		}
	}
}
