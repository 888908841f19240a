package pitwheel_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// noise is text that does not compress: brokers see what is left after compression.
func noise(seed, n int) string {
	var b strings.Builder
	x := uint64(seed)*2654435761 + 88172645463325252
	for b.Len() < n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		fmt.Fprintf(&b, "%x", x)
	}
	return b.String()[:n]
}

func copyWords(b *topology.Builder) { b.Stream(words).To(texts("copies"), topology.Name("copy")) }

func (b *broker) alter(topic, key, value string) {
	b.t.Helper()
	answers, err := kadm.NewClient(b.client).AlterTopicConfigs(context.Background(),
		[]kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, topic)
	for _, a := range answers {
		err = errors.Join(err, a.Err)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// Brokers refuse batches that are larger than a topic takes, though each of their records is not.
func TestBatchesAreNoLargerThanTheirTopicTakes(t *testing.T) {
	b := newBroker(t, 1, "words")
	b.create("copies", 1, map[string]*string{"max.message.bytes": new("5000")})
	const n = 500
	b.produce("words", n, func(i int) (string, string) { return fmt.Sprint(i), noise(i, 1000) })
	app, stop := start(t, planOf(t, copyWords), b.config(t))
	b.values("copies", n)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if aborts := app.Metrics().Aborts; aborts != 0 {
		t.Errorf("%d commits were done again", aborts)
	}
}

// A topic may come to take less while the app runs.
func TestTopicThatTakesLessThanAtTheStart(t *testing.T) {
	b := newBroker(t, 1, "words", "copies")
	c := b.config(t)
	c.OnError.Produce = topology.Skip()
	app, stop := start(t, planOf(t, copyWords), c)
	b.produce("words", 1, func(i int) (string, string) { return "k", "first" })
	b.values("copies", 1)
	b.alter("copies", "max.message.bytes", "5000")
	const n = 300
	want := []string{"first"}
	for i := range n {
		if i%100 != 7 {
			want = append(want, noise(i, 1000))
		}
	}
	b.produce("words", n, func(i int) (string, string) {
		if i%100 == 7 {
			return "k", noise(i, 6000)
		}
		return "k", noise(i, 1000)
	})
	got, _ := b.values("copies", len(want))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	await(t, "the large ones to be counted", func() bool { return app.Metrics().Dropped["produce"] == 3 })
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestTooLargeIsAnErrorThatSaysWhatAndWhere has a record that is too large for an output topic, for a
// changelog and for the dead-letter topic. The last two are no policy's to let pass.
func TestTooLargeIsAnErrorThatSaysWhatAndWhere(t *testing.T) {
	skipAll := topology.ErrorPolicies{Decode: topology.Skip(), Process: topology.Skip(), Produce: topology.Skip(), Dropped: topology.Skip()}
	sum := func(b *topology.Builder) {
		b.Stream(words).GroupByKey().
			Aggregate(func() string { return "" }, func(_, v, sum string) string { return sum + v }, topology.As("sums")).
			ToStream().MapValues(func(_, v string) int64 { return int64(len(v)) }).To(counts)
	}
	// As a step does that puts the time into what it makes: what is processed again is another record.
	restless := func(b *topology.Builder) {
		calls := 0
		b.Stream(words).MapValues(func(_, v string) string {
			calls++
			return fmt.Sprint(v, calls)
		}).To(texts("copies"))
	}
	numbers := topology.NewTopic("words", serde.String(), serde.Int64())
	decode := func(b *topology.Builder) {
		b.Stream(numbers).To(topology.NewTopic("copies", serde.String(), serde.Int64()))
	}
	tests := map[string]struct {
		build    func(*topology.Builder)
		policies topology.ErrorPolicies
		small    string // the topic that takes little
		want     []string
	}{
		"an output": {
			copyWords, topology.ErrorPolicies{}, "copies",
			[]string{`topic "words" partition 0 offset 3`, `step "copy"`, `topic "copies"`, "1+6000 bytes", "MESSAGE_TOO_LARGE", "5000", "max.message.bytes"},
		},
		"an output that differs each time": {
			restless, skipAll, "copies",
			[]string{`topic "copies"`, "others each time", "MESSAGE_TOO_LARGE"},
		},
		"a changelog": {
			sum, skipAll, "app-sums-changelog",
			[]string{`store "sums"`, `topic "app-sums-changelog"`, "MESSAGE_TOO_LARGE", "5000", "max.message.bytes"},
		},
		"a dead letter": {
			decode, topology.ErrorPolicies{Decode: topology.DeadLetter("dead")}, "dead",
			[]string{`topic "dead"`, "dead letter", "MESSAGE_TOO_LARGE", "5000", "max.message.bytes"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBroker(t, 1, "words", "counts")
			for _, topic := range []string{"copies", "dead", "app-sums-changelog"} {
				config := map[string]*string{"cleanup.policy": new("delete")}
				if topic == "app-sums-changelog" {
					config["cleanup.policy"] = new("compact")
				}
				if topic == tt.small {
					config["max.message.bytes"] = new("5000")
				}
				b.create(topic, 1, config)
			}
			b.produce("words", 5, func(i int) (string, string) {
				if i == 3 {
					return "k", noise(i, 6000)
				}
				return "k", "12345678"
			})
			c := b.config(t)
			c.OnError = tt.policies
			why := failure(t, planOf(t, tt.build), c)
			for _, part := range tt.want {
				if !strings.Contains(why, part) {
					t.Errorf("got %q, want %q in it", why, part)
				}
			}
			if strings.Contains(why, noise(3, 100)) {
				t.Errorf("error %q gives the value away", why)
			}
		})
	}
}
