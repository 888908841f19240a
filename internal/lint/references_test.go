package lint

import (
	"go/ast"
	"path"
	"regexp"
	"strings"
	"testing"
)

// codeReference is `path/file.go:Name`, `path/file.go:Type.Method` or `path/file.go:(*Type).Method`.
var codeReference = regexp.MustCompile("`([\\w./-]+\\.go):(?:\\(?\\*?(\\w+)\\)?\\.)?(\\w+)`")

// TestCitedCodeExists checks every document but the decisions and the changelog: those speak of the
// code of their day.
func TestCitedCodeExists(t *testing.T) {
	r := load(t)
	declared := map[string]bool{}
	for _, f := range r.goFiles() {
		declared[f.path] = true
		for _, d := range f.ast.Decls {
			for _, name := range declaredNames(d) {
				declared[f.path+":"+name] = true
			}
		}
	}
	for _, name := range r.sorted(".md") {
		if path.Dir(name) == "docs/adr" || name == "CHANGELOG.md" {
			continue
		}
		for n, line := range r.lines(name) {
			for _, m := range codeReference.FindAllStringSubmatch(line, -1) {
				file, what := m[1], strings.TrimPrefix(m[2]+"."+m[3], ".")
				switch {
				case !declared[file]:
					t.Errorf("%s:%d: cites %s, which is not there: give the path from the root", name, n, file)
				case !declared[file+":"+what]:
					t.Errorf("%s:%d: cites %s, which %s does not declare", name, n, what, file)
				}
			}
		}
	}
}

// document is a path of a document as comments cite it.
var document = regexp.MustCompile(`\bdocs/[\w./-]+\.md\b`)

func TestCitedDocumentsExist(t *testing.T) {
	r := load(t)
	for _, f := range r.goFiles() {
		for _, group := range f.ast.Comments {
			for _, name := range document.FindAllString(group.Text(), -1) {
				if _, ok := r.files[name]; !ok {
					t.Errorf("%s: cites %s, which is not there", r.at(group), name)
				}
			}
		}
	}
}

// declaredNames is what a declaration declares: functions, "Type.Method", types and values.
func declaredNames(d ast.Decl) []string {
	var names []string
	switch d := d.(type) {
	case *ast.FuncDecl:
		names = append(names, functionName(d))
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, spec.Name.Name)
			case *ast.ValueSpec:
				for _, n := range spec.Names {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}
