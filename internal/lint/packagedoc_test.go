package lint

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// headings are what every doc.go says, in this order, after its synopsis: who calls the package,
// who owns what it hands out, what always holds, where it comes from.
var headings = []string{"Position", "Ownership", "Invariants", "Sources"}

var (
	heading = regexp.MustCompile(`(?m)^# (.+)$`)
	label   = regexp.MustCompile(`(?m)^\s*- ([A-Z]{1,3}\d+): \S`)
	cited   = regexp.MustCompile(`[Ii]nvariants? ([A-Z]{1,3}\d+)`)
)

func TestEveryPackageHasADocFile(t *testing.T) {
	for _, p := range load(t).packages {
		doc, file := packageDoc(p)
		switch {
		case p.Name == "main" && doc == "":
			t.Errorf("%s: the command has no package comment: say what it shows and how to run it", p.path)
		case p.Name == "main":
		case file != path.Join(p.path, "doc.go"):
			t.Errorf("%s/doc.go:1: missing: every package comment stands in a doc.go, with the headings %v", p.path, headings)
		case !strings.HasPrefix(doc, "Package "+p.Name+" "):
			t.Errorf("%s:1: the comment must begin with a sentence on \"Package %s\"", file, p.Name)
		default:
			checkHeadings(t, file, doc)
		}
	}
}

func checkHeadings(t *testing.T, file, doc string) {
	t.Helper()
	var got []string
	for _, m := range heading.FindAllStringSubmatch(doc, -1) {
		got = append(got, m[1])
	}
	if !slices.Equal(got, headings) {
		t.Errorf("%s:1: the headings are %q, want %q", file, got, headings)
		return
	}
	_, after, _ := strings.Cut(doc, "# Invariants\n")
	invariants, _, _ := strings.Cut(after, "\n# ")
	labels := label.FindAllStringSubmatch(invariants, -1)
	if len(labels) == 0 && !strings.Contains(invariants, "None") {
		t.Errorf("%s:1: no labelled invariant: write them as a list, \"  - S1: ...\", or \"None.\"", file)
	}
	seen := map[string]bool{}
	for _, l := range labels {
		if seen[l[1]] {
			t.Errorf("%s:1: the label %s stands twice", file, l[1])
		}
		seen[l[1]] = true
	}
}

func TestCitedInvariantsExist(t *testing.T) {
	r := load(t)
	for _, p := range r.packages {
		doc, _ := packageDoc(p)
		for _, f := range p.parsed {
			for _, group := range f.ast.Comments {
				for _, m := range cited.FindAllStringSubmatch(group.Text(), -1) {
					if !strings.Contains(doc, "- "+m[1]+": ") {
						t.Errorf("%s: cites invariant %s, which %s/doc.go does not have", r.at(group), m[1], p.path)
					}
				}
			}
		}
	}
}

// packageDoc is the package's comment and the file it stands in.
func packageDoc(p *pkg) (doc, file string) {
	for _, f := range p.parsed {
		if f.ast.Doc != nil && !f.test {
			return f.ast.Doc.Text(), f.path
		}
	}
	return "", ""
}

func TestExportedSymbolsAreDocumented(t *testing.T) {
	r := load(t)
	for _, p := range r.packages {
		if p.Name == "main" {
			continue
		}
		for _, f := range p.parsed {
			for _, d := range f.ast.Decls {
				if !f.test {
					checkDocumented(t, r, d)
				}
			}
		}
	}
}

func checkDocumented(t *testing.T, r *repository, d ast.Decl) {
	t.Helper()
	const way = "say what it is, its unit, its zero value, its errors and what Kafka calls it"
	switch d := d.(type) {
	case *ast.FuncDecl:
		hidden := d.Recv != nil && !ast.IsExported(receiver(d))
		if d.Name.IsExported() && !hidden && d.Doc == nil {
			t.Errorf("%s: %s is exported and has no comment: %s", r.at(d), functionName(d), way)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			for _, name := range undocumented(d, spec) {
				t.Errorf("%s: %s is exported and has no comment: %s", r.at(spec), name, way)
			}
		}
	}
}

// undocumented is the exported names of a declaration without a comment on it or on its group.
func undocumented(d *ast.GenDecl, spec ast.Spec) []string {
	var names []string
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		// A group of types has no comment for all of them: each is a thing of its own.
		if spec.Name.IsExported() && spec.Doc == nil && (d.Doc == nil || d.Lparen.IsValid()) {
			names = append(names, spec.Name.Name)
		}
	case *ast.ValueSpec:
		for _, n := range spec.Names {
			if n.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
				names = append(names, n.Name)
			}
		}
	}
	return names
}
