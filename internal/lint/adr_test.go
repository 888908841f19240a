package lint

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"testing"
)

var (
	adrName     = regexp.MustCompile(`^(\d{4})-[a-z0-9]+(-[a-z0-9]+)*\.md$`)
	adrHead     = regexp.MustCompile(`^# (\d{4})\. \S.*\n\nStatus: (proposed|accepted|superseded by (\d{4}))\\?\nDate: \d{4}-\d{2}-\d{2}\n`)
	adrHeading  = regexp.MustCompile(`(?m)^## (.+)$`)
	adrSections = []string{"Context", "Decision", "Alternatives", "Consequences"}
)

func TestDecisionsAreWellFormed(t *testing.T) {
	r := load(t)
	next := 1
	for _, name := range r.decisions() {
		number := fmt.Sprintf("%04d", next)
		next++
		m := adrName.FindStringSubmatch(path.Base(name))
		if m == nil || m[1] != number {
			t.Errorf("%s: decisions are numbered without a gap: this one's name must be %s-title.md", name, number)
			continue
		}
		head := adrHead.FindStringSubmatch(r.files[name])
		if head == nil || head[1] != number {
			t.Errorf("%s:1: must begin \"# %s. Title\", an empty line, \"Status: proposed, accepted or "+
				"superseded by NNNN\\\", \"Date: YYYY-MM-DD\"", name, number)
			continue
		}
		if by := head[3]; by != "" && !r.hasDecision(by) {
			t.Errorf("%s:3: superseded by %s, which is not there", name, by)
		}
		var sections []string
		for _, s := range adrHeading.FindAllStringSubmatch(r.files[name], -1) {
			sections = append(sections, s[1])
		}
		if !slices.Equal(sections, adrSections) {
			t.Errorf("%s:1: the sections are %q, want %q", name, sections, adrSections)
		}
	}
}

// decisions is every ADR's path, by number.
func (r *repository) decisions() []string {
	var names []string
	for _, name := range r.sorted(".md") {
		if path.Dir(name) == "docs/adr" {
			names = append(names, name)
		}
	}
	return names
}

func (r *repository) hasDecision(number string) bool {
	return slices.ContainsFunc(r.decisions(), func(name string) bool { return path.Base(name)[:4] == number })
}
