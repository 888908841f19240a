package lint

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rootFiles is all that may stand in the root beside Go files. Notes become an ADR or a document.
var rootFiles = []string{
	".gitignore", ".golangci.yml", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE",
	"Makefile", "README.md", "go.mod", "go.sum",
}

// needed is what a reader looks for first.
var needed = []string{"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "go.mod"}

func TestTheRootHoldsWhatAReaderLooksFor(t *testing.T) {
	r := load(t)
	for _, name := range needed {
		if r.files[name] == "" {
			t.Errorf("%s: missing", name)
		}
	}
	for name := range r.files {
		if !strings.Contains(name, "/") && !strings.HasSuffix(name, ".go") && !slices.Contains(rootFiles, name) {
			t.Errorf("%s: does not belong into the root: make it a document under docs, or add it to "+
				"rootFiles in internal/lint/root_test.go", name)
		}
	}
}

// released is a version's heading in the changelog, as Keep a Changelog has it.
var released = regexp.MustCompile(`^## \[(Unreleased|\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2})`)

func TestTheChangelogHasItsForm(t *testing.T) {
	r := load(t)
	kinds := []string{"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
	first := true
	for n, line := range r.lines("CHANGELOG.md") {
		if kind, ok := strings.CutPrefix(line, "### "); ok && !slices.Contains(kinds, kind) {
			t.Errorf("CHANGELOG.md:%d: %s is none of %v", n, kind, kinds)
		}
		if !strings.HasPrefix(line, "## ") {
			continue
		}
		if !released.MatchString(line) || first && line != "## [Unreleased]" {
			t.Errorf("CHANGELOG.md:%d: want [Unreleased] first, then \"[1.2.3] - YYYY-MM-DD\"", n)
		}
		first = false
	}
}

// required is a direct requirement in go.mod.
var required = regexp.MustCompile(`(?m)^(?:require )?\t?([\w.-]+\.[\w.-]+/\S+) (v\S+)$`)

func TestDirectDependenciesAreExplained(t *testing.T) {
	r := load(t)
	modules := r.files["go.mod"] + r.files["integration/go.mod"]
	for _, m := range required.FindAllStringSubmatch(modules, -1) {
		if m[1] == module {
			continue
		}
		row := regexp.MustCompile(`(?m)^\|.*` + regexp.QuoteMeta(m[1]) + "`? .*" + regexp.QuoteMeta(m[2]) + `\b`)
		if !row.MatchString(r.files["docs/dependencies.md"]) {
			t.Errorf("go.mod: %s %s has no row with that version in docs/dependencies.md: say what it is "+
				"for, what it costs and what lost", m[1], m[2])
		}
	}
}
