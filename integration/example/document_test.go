package example_test

import (
	"os"
	"strings"
	"testing"
)

// TestDocumentShowsWhatIsCompiled looks for the document's code in the files of this package.
func TestDocumentShowsWhatIsCompiled(t *testing.T) {
	var code string
	for _, name := range []string{"views.go", "views_test.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code += string(text)
	}
	document, err := os.ReadFile("../../docs/integration-tests.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(document), "```go\n")[1:]
	if len(blocks) == 0 {
		t.Error("the document shows no code")
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		if !strings.Contains(code, block) {
			t.Errorf("this is not in the example:\n%s", block)
		}
	}
}
