package lint

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// vague are names that say nothing, so that everything ends up under them.
var vague = []string{
	"base", "common", "core", "helper", "helpers", "impl", "internal", "manager", "misc",
	"types", "util", "utils",
}

// leftover is a file that only meant something on the day it was made.
var leftover = regexp.MustCompile(`_(v\d+|new|old|final|fixed|tmp|resweep)(_test)?\.go$`)

func TestNamesSayWhatIsInside(t *testing.T) {
	for _, p := range load(t).packages {
		if slices.Contains(vague, p.Name) || slices.Contains(vague, path.Base(p.path)) {
			t.Errorf("%s: the package's name says nothing: take the noun of what it holds", p.path)
		}
		for _, f := range p.parsed {
			noun := strings.TrimSuffix(strings.TrimSuffix(path.Base(f.path), ".go"), "_test")
			if slices.Contains(vague, noun) || leftover.MatchString(f.path) {
				t.Errorf("%s:1: the file's name says nothing: take the noun that it defines", f.path)
			}
		}
	}
}
