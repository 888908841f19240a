package lint

import (
	"go/ast"
	"testing"
)

// exceptions are the files ("path/file.go") and functions ("path/file.go:Type.Method") that may be
// larger than the limits, each with its reason.
var exceptions = map[string]string{
	"processor/aggregate_sliding.go:AggregateSliding":   "what Aggregate takes, in its order, and the windows",
	"processor/aggregate_windowed.go:AggregateWindowed": "what Aggregate takes, in its order, and the windows",
	"record/record.go:Make":                             "a record field by field: a struct would be the record itself",
	"topology/state_kinds.go:Builder.WindowStore":       "what every store takes, and two that none can do without",
}

func excepted(name string) bool {
	_, ok := exceptions[name]
	return ok
}

func TestEveryExceptionIsNeeded(t *testing.T) {
	r := load(t)
	over := map[string]bool{}
	for _, f := range r.goFiles() {
		over[f.path] = r.fset.File(f.ast.Pos()).LineCount() > fileLinesMax
	}
	eachFunction(t, func(_, name string, f *ast.FuncDecl, lines int) {
		over[name] = over[name] || lines > functionLinesMax || f.Type.Params.NumFields() > parametersMax
	})
	for name, reason := range exceptions {
		if !over[name] {
			t.Errorf("%s is within the limits or gone: remove its exception in internal/lint/exceptions_test.go", name)
		}
		if reason == "" {
			t.Errorf("%s: its exception has no reason", name)
		}
	}
}
