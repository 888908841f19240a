package topology

import (
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// StepError is one mistake in a topology. Build joins all of them: errors.As finds the first,
// Unwrap() []error gives each.
type StepError struct {
	Step    string // the step's name, as Describe prints it; empty: the topology as a whole
	Verb    string // the method that made the step, e.g. "GroupBy"
	At      string // where it was called, "main.go:42"; empty: unknown
	Problem string // what is wrong
	Fix     string // how to mend it

	order int // of the calls
}

// Error is "topology: GroupBy (main.go:42, step KSTREAM-KEY-SELECT-0000000003): problem: fix".
func (e *StepError) Error() string {
	var s strings.Builder
	s.WriteString("topology: ")
	s.WriteString(e.Verb)
	var where []string
	if e.At != "" {
		where = append(where, e.At)
	}
	if e.Step != "" {
		where = append(where, "step "+e.Step)
	}
	if len(where) > 0 {
		s.WriteString(" (" + strings.Join(where, ", ") + ")")
	}
	s.WriteString(": " + e.Problem + ": " + e.Fix)
	return s.String()
}

// report notes a mistake for Build. The same one is noted once.
func (b *Builder) report(e StepError) {
	same := func(o *StepError) bool { return *o == e }
	if !slices.ContainsFunc(b.errs, same) {
		b.errs = append(b.errs, &e)
	}
}

// fail reports a mistake of this step.
func (n *node) fail(problem, fix string) {
	n.builder.report(StepError{
		Step: n.name, Verb: n.verb, At: n.at, Problem: problem, Fix: fix, order: n.order,
	})
}

// callSite is the line of the user's code that called the DSL.
func callSite() string {
	const inside = "github.com/pitwheel/pitwheel/topology."
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if f.Function != "" && !strings.HasPrefix(f.Function, inside) {
			return filepath.Base(f.File) + ":" + strconv.Itoa(f.Line)
		}
		if !more {
			return ""
		}
	}
}
