package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestErrorsPageHasEveryReasonAndHeader compares docs/errors.md with the code.
func TestErrorsPageHasEveryReasonAndHeader(t *testing.T) {
	read := func(path string) string {
		text, err := os.ReadFile(filepath.Join("..", "..", path))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	all := func(pattern, text string) []string {
		var found []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			found = append(found, m[1])
		}
		slices.Sort(found)
		return found
	}
	page := read("docs/errors.md")
	for what, tt := range map[string]struct{ file, inCode, inPage string }{
		"reasons": {"processor/step.go", `(?m)^\s+\w+\s+Reason = "(\w+)"`, "(?m)^\\| `([a-z_]+)` \\| (?:Decode|Process|Produce|Dropped) \\|"},
		"headers": {"internal/reactor/failure.go", `(?m)^\s+header\w+\s+= "([\w.]+)"`, "(?m)^\\| `([a-z_.]+\\.errors\\.[a-z]+)` \\|"},
	} {
		code := all(tt.inCode, read(tt.file))
		if len(code) < 8 {
			t.Errorf("found only the %s %v in %s", what, code, tt.file)
		}
		if diff := cmp.Diff(code, all(tt.inPage, page)); diff != "" {
			t.Errorf("%s in %s and in docs/errors.md (-code +page):\n%s", what, tt.file, diff)
		}
	}
}
