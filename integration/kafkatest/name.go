package kafkatest

import (
	"crypto/rand"
	"strings"
	"testing"
)

// Name is a name for a topic or an application that nothing else has: what it is for, the test, and
// something random.
func Name(t testing.TB, what string) string {
	const nameMax, random = 100, 8
	name := what + "-" + strings.Map(func(r rune) rune {
		if r < 0x80 && (r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z') {
			return r
		}
		return '-'
	}, t.Name())
	return name[:min(len(name), nameMax)] + "-" + strings.ToLower(rand.Text()[:random])
}
