package kafkatest_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/integration/kafkatest"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// closing ends the Kafkas before goroutines are counted.
type closing struct{ m *testing.M }

func (c closing) Run() int {
	code := c.m.Run()
	if err := kafkatest.Close(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(closing{m}) }

var words = topology.NewTopic("words", serde.String(), serde.Nullable(serde.Int64()))

// TestWhatIsSentIsRead sends records with all that a record may have, and without.
func TestWhatIsSentIsRead(t *testing.T) {
	k := kafkatest.Run(t, kafkatest.InMemory())
	if k.Kind != kafkatest.Embedded {
		t.Errorf("it is %q", k.Kind)
	}
	k.Create(1, words)
	one := serde.Null[int64]{V: 1, Valid: true}
	sent := []kafkatest.Record[string, serde.Null[int64]]{
		record.New("a", one, 1000),
		record.New("b", serde.Null[int64]{}, 2000),
		record.New("c", one, 3000).AsTombstone(),
		record.New("", one, 4000).WithoutKey(),
		record.New("d", one, 5000).WithHeaders(record.Headers{{Key: "h", Value: []byte("v")}, {Key: "n"}}),
	}
	in, out := k.Input(words), k.Output(words)
	in.SendRecords(sent...)
	in.Send("e", one, 6000)
	in.Tombstone("e", 7000)
	got := append(out.Next(2), out.All()...)
	sent = append(sent, record.New("e", one, 6000), record.New("e", one, 7000).AsTombstone())
	if diff := cmp.Diff(fmt.Sprint(sent), fmt.Sprint(got)); diff != "" {
		t.Error(diff)
	}
	if left := out.All(); len(left) > 0 {
		t.Errorf("%v was handed out twice", left)
	}
}

// TestRecordsGoWhereAProducerPutsThem gives a topic partitions, and reads where records are from the
// order within each.
func TestRecordsGoWhereAProducerPutsThem(t *testing.T) {
	k := kafkatest.Run(t, kafkatest.InMemory())
	mine := topology.NewTopic("mine", serde.String(), serde.Int64()).
		WithPartitioner(func(_ string, value int64, partitions int) int { return int(value) % partitions })
	k.Create(3, mine)
	in := k.Input(mine)
	for i := range int64(30) {
		in.Send("same", i, 0)
	}
	last := map[int64]int64{}
	for _, r := range k.Output(mine).Next(30) {
		if p := r.Value() % 3; r.Value() > 0 && last[p] > r.Value() {
			t.Errorf("%d is behind %d", r.Value(), last[p])
		} else {
			last[p] = r.Value()
		}
	}
	if len(last) != 3 {
		t.Errorf("they are in %d partitions", len(last))
	}
}

// TestTopicsEndWithTheirTest makes the same topic in two tests.
func TestTopicsEndWithTheirTest(t *testing.T) {
	for range 2 {
		t.Run("once", func(t *testing.T) {
			k := kafkatest.Run(t, kafkatest.InMemory())
			k.Create(2, words)
			k.Input(words).Send("a", serde.Null[int64]{}, 0)
			if n := len(k.Output(words).All()); n != 1 {
				t.Errorf("there are %d records", n)
			}
		})
	}
}

// TestFailureOfAnAppIsTheTests starts an app whose first record stops it.
func TestFailureOfAnAppIsTheTests(t *testing.T) {
	k := kafkatest.Run(t, kafkatest.InMemory())
	k.Create(1, words)
	b := topology.NewBuilder()
	bad := errors.New("not today")
	b.Stream(words).TryMapValues(func(string, serde.Null[int64]) (int64, error) { return 0, bad }).
		ForEach(func(string, int64) {})
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	app := k.Start(plan, pitwheel.Config{})
	k.Input(words).Send("a", serde.Null[int64]{V: 1, Valid: true}, 0)
	if err := app.Err(); !errors.Is(err, bad) {
		t.Errorf("got %v", err)
	}
}

// TestNames are such that Kafka takes them, and differ.
func TestNames(t *testing.T) {
	t.Run("with ünusual/signs "+strings.Repeat("x", 300), func(t *testing.T) {
		a, b := kafkatest.Name(t, "words"), kafkatest.Name(t, "words")
		if a == b || len(a) > 200 || !strings.HasPrefix(a, "words-TestNames") || strings.ContainsAny(a, "/ü ") {
			t.Errorf("got %q and %q", a, b)
		}
	})
}

// TestNeedy is run by TestWhatIsThereDecides in a process of its own.
func TestNeedy(t *testing.T) {
	if os.Getenv("NEEDY") == "" {
		t.Skip("it is part of TestWhatIsThereDecides")
	}
	kafkatest.Run(t)
}

// TestWhatIsThereDecides runs a test that needs a Kafka where there are several, or none.
func TestWhatIsThereDecides(t *testing.T) {
	k := kafkatest.Run(t, kafkatest.InMemory())
	const nowhere = "DOCKER_HOST=tcp://127.0.0.1:1"
	for name, tt := range map[string]struct {
		env    []string
		passes bool
		says   []string
	}{
		"no Docker fails": {
			[]string{nowhere}, false,
			[]string{"no Docker daemon answers", "KAFKA_BROKERS=host:port", "PITWHEEL_KAFKA=embedded", "PITWHEEL_KAFKA=skip"},
		},
		"no Docker is skipped if asked": {
			[]string{nowhere, "PITWHEEL_KAFKA=skip"}, true, []string{"SKIP", "no Docker daemon answers"},
		},
		"given brokers are used": {
			[]string{nowhere, "KAFKA_BROKERS=" + strings.Join(k.Brokers, ",")}, true, []string{"the one that KAFKA_BROKERS names, at " + k.Brokers[0]},
		},
		"given brokers that do not answer fail": {
			[]string{"KAFKA_BROKERS=127.0.0.1:1"}, false, []string{"no broker answers at [127.0.0.1:1]"},
		},
		"the embedded one": {
			[]string{nowhere, "PITWHEEL_KAFKA=embedded"}, true, []string{"IN MEMORY"},
		},
		"a wrong word is told": {
			[]string{"PITWHEEL_KAFKA=docker"}, false, []string{`PITWHEEL_KAFKA is "docker"`, `"container"`},
		},
		"an image that is nowhere is told": {
			[]string{"PITWHEEL_KAFKA_IMAGE=localhost:1/none:1"}, false, []string{"localhost:1/none:1", "PITWHEEL_KAFKA_IMAGE", "make kafka-image"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run", "^TestNeedy$", "-test.v")
			cmd.Env = append(os.Environ(), append([]string{"NEEDY=1", "KAFKA_BROKERS=", "PITWHEEL_KAFKA="}, tt.env...)...)
			out, err := cmd.CombinedOutput()
			if (err == nil) != tt.passes {
				t.Errorf("it ended with %v", err)
			}
			for _, s := range tt.says {
				if !strings.Contains(string(out), s) {
					t.Errorf("%q is not said in\n%s", s, out)
				}
			}
		})
	}
}
