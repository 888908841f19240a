package reactor

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestStepsAreDocumented compares the steps with their table in docs/reliability.md.
func TestStepsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| step | what is done | asks brokers for | under |\n|---|---|---|---|\n")
	seen := map[Step]bool{}
	for _, s := range Steps {
		if seen[s.Step] {
			t.Errorf("step %s is there twice", s.Step)
		}
		seen[s.Step] = true
		asks, under := "-", "both guarantees"
		if len(s.Requests) > 0 {
			asks = strings.Join(s.Requests, ", ")
		}
		if s.Only != "" {
			under = s.Only
		}
		fmt.Fprintf(&want, "| %s | %s | %s | %s |\n", s.Step, s.Does, asks, under)
	}
	if !strings.Contains(string(page), want.String()) {
		t.Errorf("docs/reliability.md does not have the steps as they are:\n%s", want.String())
	}
}
