package topology_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/topology"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// TestDescribeIsKafkaStreams compares with what Kafka Streams 4.3.1 prints for the same topology,
// each list in it sorted.
func TestDescribeIsKafkaStreams(t *testing.T) {
	for name, build := range topologies {
		t.Run(name, func(t *testing.T) { golden(t, name+".txt", planOf(t, build).Describe()) })
	}
	for name, build := range optimizedTopologies {
		t.Run(name, func(t *testing.T) { golden(t, name+".txt", planOf(t, build, topology.Optimize()).Describe()) })
	}
}

func TestMermaidDrawsThePlan(t *testing.T) {
	for _, name := range []string{"word-count", "windowed", "split", "dynamic", "pattern"} {
		t.Run(name, func(t *testing.T) { golden(t, name+".mmd", planOf(t, topologies[name]).Mermaid()) })
	}
}

func TestDOTDrawsThePlan(t *testing.T) {
	for _, name := range []string{"word-count", "windowed", "dynamic"} {
		t.Run(name, func(t *testing.T) { golden(t, name+".dot", planOf(t, topologies[name]).DOT()) })
	}
}

func TestDrawingsAreTheSameEachTime(t *testing.T) {
	a, b := planOf(t, windowed), planOf(t, windowed)
	if a.Mermaid() != b.Mermaid() || a.DOT() != b.DOT() || a.Describe() != b.Describe() {
		t.Error("two plans of one topology are drawn differently")
	}
}

func planOf(t *testing.T, build func(*topology.Builder), opts ...topology.BuilderOption) *topology.Plan {
	t.Helper()
	b := topology.NewBuilder(opts...)
	build(b)
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
