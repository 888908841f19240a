package lint

import (
	"iter"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link       = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	inlineCode = regexp.MustCompile("`[^`]*`")
	absolute   = regexp.MustCompile(`^[a-z]+:`)
	notInSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	r := load(t)
	for _, name := range r.sorted(".md") {
		for n, line := range r.prose(name) {
			for _, m := range link.FindAllStringSubmatch(inlineCode.ReplaceAllString(line, ""), -1) {
				target, fragment, _ := strings.Cut(m[1], "#")
				if absolute.MatchString(target) {
					continue
				}
				file := name
				if target != "" {
					file = path.Join(path.Dir(name), target)
				}
				if _, err := os.Stat(filepath.Join(r.root, filepath.FromSlash(file))); err != nil {
					t.Errorf("%s:%d: the link %s leads to %s, which is not there", name, n, m[1], file)
				} else if fragment != "" && !r.hasHeading(file, fragment) {
					t.Errorf("%s:%d: the link %s leads to a heading that %s does not have", name, n, m[1], file)
				}
			}
		}
	}
}

// prose is a document's lines outside code blocks, numbered.
func (r *repository) prose(name string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		code := false
		for n, line := range r.lines(name) {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				code = !code
			} else if !code && !yield(n, line) {
				return
			}
		}
	}
}

// hasHeading says whether a document has the heading that a fragment names, as GitHub makes it.
func (r *repository) hasHeading(name, fragment string) bool {
	for _, line := range r.prose(name) {
		title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		slug := notInSlug.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
		if ok && strings.HasPrefix(line, "#") && strings.ReplaceAll(slug, " ", "-") == fragment {
			return true
		}
	}
	return false
}
