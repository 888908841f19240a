package planted

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// names are what the pattern's group finds, in order.
func names(text, pattern string) []string {
	var found []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return slices.Sorted(maps.Keys(set(found)))
}

func set(of []string) map[string]bool {
	all := map[string]bool{}
	for _, x := range of {
		all[x] = true
	}
	return all
}

// Each bug stands in both builds, in the code, in the list of what catches it, and in the documentation.
func TestEachBugIsPlantedAndHasACatcher(t *testing.T) {
	off := names(read(t, "off.go"), `(?m)^\t(\w+) += false // .`)
	if on := names(read(t, "on.go"), `(?m)^\t(\w+) += present\(`); !slices.Equal(on, off) {
		t.Errorf("on.go has %v, off.go %v", on, off)
	}
	bugs := names(read(t, "on.go"), `present\("([a-z-]+)"\)`)
	if catchers := names(read(t, "catchers.txt"), `(?m)^([a-z-]+) +\S+ +Test\S+$`); !slices.Equal(catchers, bugs) {
		t.Errorf("catchers.txt has %v, on.go %v", catchers, bugs)
	}
	if described := names(read(t, "../../docs/reliability.md"), "(?m)^\\| `([a-z-]+)` \\| [^|]+ \\| `Test"); !slices.Equal(described, bugs) {
		t.Errorf("docs/reliability.md has %v, on.go %v", described, bugs)
	}
	var code strings.Builder
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			code.WriteString(read(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if planted := names(code.String(), `\bplanted\.(\w+)`); !slices.Equal(planted, off) {
		t.Errorf("the code has %v, off.go %v", planted, off)
	}
	if len(bugs) < 12 {
		t.Errorf("there are %d bugs", len(bugs))
	}
}
