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
	for _, area := range []map[string]func(*topo){streamsCases, aggregatesCases, windowsCases} {
		for id, build := range area {
			if all[id] != nil {
				t.Fatalf("case %s has two topologies", id)
			}
			all[id] = build
		}
	}
	return all
}

func TestConformance(t *testing.T) {
	files, built, pending := vectorFiles(t, vectorDir()), cases(t), pendingCases(t)
	for _, id := range slices.Sorted(maps.Keys(built)) {
		if files[id] == "" {
			t.Errorf("case %s has a topology and no vector", id)
		}
	}
	for _, id := range pending {
		switch {
		case built[id] != nil:
			t.Errorf("case %s has a topology: take it out of pending.txt", id)
		case files[id] == "":
			t.Errorf("case %s is in pending.txt and has no vector", id)
		}
	}
	var passed, scenarios, passedScenarios int
	for _, id := range slices.Sorted(maps.Keys(files)) {
		v := readVector(t, files[id])
		scenarios += len(v.Scenarios)
		if built[id] == nil && slices.Contains(pending, id) {
			continue
		}
		n := 0
		ok := t.Run(id, func(t *testing.T) { n = runCase(t, v, built[id]) })
		passedScenarios += n
		if ok {
			passed++
		}
	}
	summary := fmt.Sprintf("conformance: %d of %d cases, %d of %d scenarios",
		passed, len(files), passedScenarios, scenarios)
	t.Log(summary)
	fmt.Println(summary)
}

// runCase runs all scenarios of a case and returns how many passed.
func runCase(t *testing.T, v *vector, build func(*topo)) (passed int) {
	if build == nil {
		t.Fatalf("case %s is not covered: it has no Go topology", v.ID)
	}
	for i := range v.Scenarios {
		s := &v.Scenarios[i]
		if t.Run(s.Name, func(t *testing.T) { runScenario(t, v, s, build) }) {
			passed++
		}
	}
	return passed
}

// runScenario takes the steps of a scenario and stops at the first difference.
func runScenario(t *testing.T, v *vector, s *scenario, build func(*topo)) {
	b := &topo{Builder: topology.NewBuilder()}
	build(b)
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if got := plan.Describe(); got != v.Describe {
		t.Fatalf("case %s, describe: got\n%s\nwant\n%s", v.ID, got, v.Describe)
	}
	r := &run{
		t: t, vector: v, scenario: s,
		driver: streamtest.New(t, plan, b.options...),
		seen:   map[string]int{}, changelogs: map[string]map[string]string{},
	}
	for i := range s.Steps {
		r.step(i)
	}
	r.end(b.stores)
}
