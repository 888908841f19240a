package lint

import (
	"go/ast"
	"regexp"
	"strings"
	"testing"
)

var (
	unfinished = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)
	shouted    = regexp.MustCompile(`\b(CRITICAL|IMPORTANT|WARNING|ATTENTION):`)
	banner     = regexp.MustCompile(`^//\s*[-=*#~]{4,}(\s[^>|]*)?$`) // not a diagram or a table
)

func TestNoUnfinishedWork(t *testing.T) {
	r := load(t)
	for name := range r.files {
		if strings.HasPrefix(name, "internal/lint/") || strings.HasPrefix(name, "tools/") || name == ".golangci.yml" {
			continue
		}
		for n, line := range r.lines(name) {
			if word := unfinished.FindString(line); word != "" {
				t.Errorf("%s:%d: %s: do it, or open an issue and describe what holds today", name, n, word)
			}
		}
	}
}

func TestCommentsDoNotShout(t *testing.T) {
	r := load(t)
	for _, f := range r.goFiles() {
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				switch {
				case shouted.MatchString(c.Text):
					t.Errorf("%s: a sentence that says why is read, a word in capitals is not", r.at(c))
				case banner.MatchString(c.Text):
					t.Errorf("%s: a banner: what needs one wants a file of its own", r.at(c))
				}
			}
		}
	}
}

func TestTestsDoNotSleep(t *testing.T) {
	r := load(t)
	for _, f := range r.goFiles() {
		if !f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			switch calls(call) {
			case "synctest.Test": // in its bubble the clock is false and sleeping costs nothing
				return false
			case "time.Sleep":
				t.Errorf("%s: a test must not sleep: wait for what it waits for, or put it into synctest.Test", r.at(call))
			}
			return true
		})
	}
}

// calls is "package.Function" of a call to another package's function.
func calls(call *ast.CallExpr) string {
	if s, ok := call.Fun.(*ast.SelectorExpr); ok {
		if x, ok := s.X.(*ast.Ident); ok {
			return x.Name + "." + s.Sel.Name
		}
	}
	return ""
}
