package lint

import (
	"path"
	"regexp"
	"testing"
)

var (
	// A path that only one machine has.
	machinePath = regexp.MustCompile(`(^|[\s"'(=` + "`" + `])/(work|home|root|tmp|Users)/[\w.]`)
	// A package registry's or a mirror's host: clients know them, documents need not.
	registryHost = regexp.MustCompile(`\b(proxy|sum|index|registry|registry-\d|repo\d?|mirrors?|deb|pypi|static)\.([a-z0-9-]+)(\.[a-z0-9-]+)*\.(org|io|com|dev)\b`)
	exampleHost  = regexp.MustCompile(`\.example\.(org|com)$`)
)

func TestNothingIsTiedToAMachine(t *testing.T) {
	r := load(t)
	for name := range r.files {
		if path.Base(name) == "go.sum" {
			continue
		}
		for n, line := range r.lines(name) {
			if m := machinePath.FindString(line); m != "" {
				t.Errorf("%s:%d: %s is a path of one machine: use a relative one, or t.TempDir", name, n, m)
			}
			if m := registryHost.FindString(line); m != "" && !exampleHost.MatchString(m) {
				t.Errorf("%s:%d: %s: name the package and leave the registry to its client", name, n, m)
			}
		}
	}
}
