package conformance

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
)

// cases are the Go topologies by id, from all areas.
func cases(t *testing.T) map[string]func(*topo) {
	t.Helper()
	all := map[string]func(*topo){}
	for _, area := range []map[string]func(*topo){streamsCases, aggregatesCases, windowsCases, sessionsCases, suppressCases, tablesCases, processorsCases} {
		for id, build := range area {
			if all[id] != nil {
				t.Fatalf("case %s has two topologies", id)
			}
			all[id] = build
		}
	}
	return all
}

// coverage is what does not fit together of vectors, topologies and pending cases, sorted.
func coverage(files map[string]string, built map[string]func(*topo), pending []string) (problems []string) {
	for id := range built {
		if files[id] == "" {
			problems = append(problems, fmt.Sprintf("case %s has a topology and no vector", id))
		}
	}
	for _, id := range pending {
		switch {
		case built[id] != nil:
			problems = append(problems, fmt.Sprintf("case %s has a topology: take it out of pending.txt", id))
		case files[id] == "":
			problems = append(problems, fmt.Sprintf("case %s is in pending.txt and has no vector", id))
		}
	}
	for id := range files {
		if built[id] == nil && !slices.Contains(pending, id) {
			problems = append(problems, fmt.Sprintf("case %s is not covered: it has no Go topology", id))
		}
	}
	slices.Sort(problems)
	return problems
}

func TestConformance(t *testing.T) {
	files, built := vectorFiles(t, vectorDir()), cases(t)
	for _, problem := range coverage(files, built, pendingCases(t)) {
		t.Error(problem)
	}
	var passed, scenarios, passedScenarios int
	for _, id := range slices.Sorted(maps.Keys(files)) {
		v := readVector(t, files[id])
		scenarios += len(v.Scenarios)
		build := built[id]
		if build == nil {
			continue
		}
		n := 0
		if t.Run(id, func(t *testing.T) { n = runCase(t, v, build) }) {
			passed++
		}
		passedScenarios += n
	}
	summary := fmt.Sprintf("conformance: %d of %d cases, %d of %d scenarios",
		passed, len(files), passedScenarios, scenarios)
	t.Log(summary)
	fmt.Println(summary)
}

// runCase runs all scenarios of a case and returns how many passed.
func runCase(t *testing.T, v *vector, build func(*topo)) (passed int) {
	for i := range v.Scenarios {
		s := &v.Scenarios[i]
		ok := t.Run(s.Name, func(t *testing.T) {
			if err := runScenario(t, v, s, build); err != nil {
				t.Fatal(err)
			}
		})
		if ok {
			passed++
		}
	}
	return passed
}

// runScenario takes the steps of a scenario up to the first difference: all behind it would differ
// too.
func runScenario(t *testing.T, v *vector, s *scenario, build func(*topo)) error {
	var options []topology.BuilderOption
	if v.Config["topology.optimization"] == "all" {
		options = append(options, topology.Optimize())
	}
	b := &topo{Builder: topology.NewBuilder(options...)}
	build(b)
	plan, err := b.Build()
	if err != nil {
		return err
	}
	r := &run{
		vector: v, scenario: s, at: "at the start",
		driver: streamtest.New(t, plan, b.options...),
		seen:   map[string]int{}, changelogs: map[string]map[string]string{},
		refuses: b.refuses, highest: map[string]int64{},
	}
	if got := plan.Describe(); got != v.Describe {
		return r.differs("describe", "got\n%s\nwant\n%s", got, v.Describe)
	}
	for i := range s.Steps {
		if err := r.step(i); err != nil {
			return err
		}
	}
	return r.end(b.stores)
}
