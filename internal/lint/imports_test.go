package lint

import (
	"slices"
	"strings"
	"testing"
)

// anyOfOurs lets a package import every other one that is no command.
const anyOfOurs = "*"

// allowedImports is the import map: for each package the packages of ours that it may import, from
// the bottom up. A path that ends in /... stands for all below it. The reasons are in
// docs/adr/0003-package-map.md.
var allowedImports = map[string][]string{
	"record":             {},
	"internal/graph":     {},
	"internal/invariant": {},
	"internal/lint":      {},
	"internal/planted":   {},
	"serde":              {"record"},
	"windowing":          {"record", "serde"},
	"internal/timer":     {"record"},
	"store":              {"internal/graph", "internal/planted", "record", "serde", "windowing"},
	"store/storetest":    {"internal/graph", "record", "serde", "store", "windowing"},
	"changelog":          {"record", "store"},
	"processor":          {"internal/graph", "record", "serde", "store", "windowing"},
	"internal/plan":      {"processor", "record", "store"},
	"internal/kafka":     {"internal/planted", "processor", "record"},
	"internal/statedir":  {"record"},

	"metrics":             {"record"},
	"metrics/otelmetrics": {"metrics"},
	"metrics/prommetrics": {"metrics"},
	"tracing":             {"record"},
	"tracing/oteltracing": {"tracing"},

	"topology": {
		"internal/graph", "internal/plan", "processor", "record", "serde", "store", "windowing",
	},
	"internal/reactor": {
		"changelog", "internal/kafka", "internal/plan", "internal/planted", "internal/timer", "metrics", "processor", "record", "store", "tracing",
		"windowing",
	},
	".": {
		"internal/graph", "internal/kafka", "internal/plan", "internal/reactor", "internal/statedir",
		"metrics", "processor", "record", "serde", "store", "topology", "tracing", "windowing",
	},
	"streamtest": {
		"changelog", "internal/graph", "internal/plan", "internal/reactor", "metrics", "processor", "record", "serde",
		"store", "topology", "windowing",
	},
	"internal/conformance": {
		"processor", "record", "serde", "store", "streamtest", "topology", "windowing",
	},
	"internal/crashpoint": {
		".", "changelog", "internal/reactor", "internal/statedir", "record", "serde", "store", "store/storetest", "topology", "windowing",
	},
	"examples/...": {
		".", "processor", "record", "serde", "store", "streamtest", "topology", "windowing",
	},
	"bench":                  {anyOfOurs},
	"bench/internal/data":    {},
	"bench/internal/measure": {},
	"bench/internal/broker":  {"bench/internal/data"},
	"bench/internal/check":   {"bench/internal/broker", "bench/internal/data"},
	"bench/internal/latency": {"bench/internal/broker", "bench/internal/data"},
	"bench/scale":            {},
	"bench/peers/...": {
		"bench/internal/broker", "bench/internal/check", "bench/internal/data", "bench/internal/latency", "bench/internal/measure",
	},
	"bench/app": {
		".", "bench/internal/data", "bench/internal/measure", "serde", "topology", "windowing",
	},
	"integration/...": {anyOfOurs},
}

// allowedOutside is who may import a package of another module. Tests may import all of them but
// Pebble, and the test libraries besides.
var allowedOutside = map[string][]string{
	"github.com/twmb/franz-go/pkg/kgo":    {"internal/kafka", "examples/...", "bench/...", "integration/..."},
	"github.com/twmb/franz-go/pkg/kerr":   {"internal/kafka", "examples/...", "bench/...", "integration/..."},
	"github.com/twmb/franz-go/pkg/kmsg":   {"internal/kafka", "integration/..."},
	"github.com/twmb/franz-go/pkg/kadm":   {"internal/kafka", "examples/...", "bench/...", "integration/..."},
	"github.com/twmb/franz-go/pkg/sasl":   {".", "internal/kafka"},
	"github.com/twmb/franz-go/pkg/kfake":  {"bench", "examples/...", "integration/..."},
	"github.com/cockroachdb/pebble/v2":    {"store", "store/storetest"},
	"github.com/google/btree":             {"store"},
	"github.com/gofrs/flock":              {"internal/statedir", "integration/cluster"},
	"github.com/testcontainers":           {"integration/cluster"},
	"github.com/moby/moby":                {"integration/cluster"},
	"go.opentelemetry.io/otel":            {"metrics/otelmetrics", "tracing/oteltracing"},
	"github.com/prometheus/client_golang": {"metrics/prommetrics"},
}

var allowedInTests = []string{
	"github.com/google/go-cmp", "github.com/twmb/franz-go/pkg", "go.opentelemetry.io/otel/codes", "go.opentelemetry.io/otel/sdk", "go.uber.org/goleak", "pgregory.net/rapid",
}

func TestEveryPackageIsInTheImportMap(t *testing.T) {
	for _, p := range load(t).packages {
		if _, ok := allowedFor(p.path); !ok {
			t.Errorf("package %s is not in the import map: add it to allowedImports in "+
				"internal/lint/imports_test.go, with what it may import", p.path)
		}
	}
}

func TestImportsPointDown(t *testing.T) {
	r := load(t)
	for _, p := range r.packages {
		allowed, _ := allowedFor(p.path)
		for _, f := range p.parsed {
			for _, spec := range f.ast.Imports {
				what, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module)
				switch what = strings.TrimPrefix(what, "/"); {
				case !ours:
					continue
				case what == "":
					what = "."
				}
				if command(what) {
					t.Errorf("%s: %s must not import %s: nothing imports a command", r.at(spec), p.path, what)
				}
				if !f.test && !covers(allowed, what) {
					t.Errorf("%s: %s must not import %s: turn the dependency round, with an interface that %s "+
						"declares, or change allowedImports in internal/lint/imports_test.go and say why in an ADR",
						r.at(spec), p.path, what, p.path)
				}
			}
		}
	}
}

func TestOutsideImportsHaveOneOwner(t *testing.T) {
	r := load(t)
	for _, p := range r.packages {
		for _, f := range p.parsed {
			for _, spec := range f.ast.Imports {
				what := strings.Trim(spec.Path.Value, `"`)
				host, _, _ := strings.Cut(what, "/")
				if !strings.Contains(host, ".") || strings.HasPrefix(what, module) {
					continue
				}
				owners := ownersOf(what)
				if covers(owners, p.path) || f.test && (under(owners, p.path) || under(allowedInTests, what)) {
					continue
				}
				t.Errorf("%s: %s must not import %s, which belongs to %v: go through its owner, or change "+
					"allowedOutside in internal/lint/imports_test.go", r.at(spec), p.path, what, owners)
			}
		}
	}
}

// allowedFor is the import map's entry for a package, by its path or by a pattern above it.
func allowedFor(path string) (allowed []string, ok bool) {
	for key, allowed := range allowedImports {
		if covers([]string{key}, path) {
			return allowed, true
		}
	}
	return nil, false
}

// ownersOf is who may import a package of another module.
func ownersOf(path string) []string {
	for key, owners := range allowedOutside {
		if within(path, key) {
			return owners
		}
	}
	return nil
}

// covers says whether one of the patterns names the path.
func covers(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		above, all := strings.CutSuffix(pattern, "/...")
		return pattern == path || pattern == anyOfOurs && !command(path) || all && within(path, above)
	})
}

// under says whether the path is one of those or below one.
func under(paths []string, path string) bool {
	return slices.ContainsFunc(paths, func(above string) bool { return within(path, above) })
}

// within says whether the path is that one or below it.
func within(path, above string) bool {
	return path == above || strings.HasPrefix(path, above+"/")
}

func command(path string) bool { return within(path, "examples") || within(path, "cmd") }
