package streamtest_test

import (
	"fmt"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/pitwheel/pitwheel/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// failing is a testing.TB that notes why the test would fail, and stops there.
type failing struct {
	testing.TB
	reason string
}

type stopTest struct{}

func (f *failing) Fatal(args ...any) { f.fail(fmt.Sprint(args...)) }

func (f *failing) Fatalf(format string, args ...any) { f.fail(fmt.Sprintf(format, args...)) }

func (f *failing) fail(reason string) {
	f.reason = reason
	panic(stopTest{})
}

// failure is why f would fail its test; empty if it would not.
func failure(t *testing.T, f func(testing.TB)) (reason string) {
	t.Helper()
	tb := &failing{TB: t}
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(stopTest); !ok {
				panic(p)
			}
			reason = tb.reason
		}
	}()
	f(tb)
	return ""
}

// console stands in for a *testing.T in examples, which have none.
type console struct{ testing.TB }

func exampleT() testing.TB { return console{} }

func (console) Helper() {}

func (console) Cleanup(func()) {}

func (console) Output() io.Writer { return os.Stderr }

func (console) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// build is the plan of what f adds to a builder.
func build(t testing.TB, f func(b *topology.Builder)) *topology.Plan {
	t.Helper()
	b := topology.NewBuilder()
	f(b)
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
