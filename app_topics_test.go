package pitwheel_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

func texts(name string) topology.Topic[string, string] {
	return topology.NewTopic(name, serde.String(), serde.String())
}

func planOf(t *testing.T, build func(b *topology.Builder), opts ...topology.BuilderOption) *topology.Plan {
	t.Helper()
	b := topology.NewBuilder(opts...)
	build(b)
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// create makes a topic.
func (b *broker) create(topic string, partitions int32, config map[string]*string) {
	b.t.Helper()
	if _, err := kadm.NewClient(b.client).CreateTopic(context.Background(), partitions, 1, config, topic); err != nil {
		b.t.Fatal(err)
	}
}

// keysOf waits until the topic has records of n keys, and returns the keys.
func (b *broker) keysOf(topic string, n int) []string {
	b.t.Helper()
	last, _ := b.latest(topic, func(last map[string]string, _ int) bool { return len(last) >= n })
	return slices.Sorted(maps.Keys(last))
}

var logs = topology.NewTopicPattern(regexp.MustCompile("logs-[a-z]+|app-.*"), serde.String(), serde.String())

func readLogs(b *topology.Builder) {
	b.StreamMatching(logs).GroupByKey().Count(topology.As("lines")).ToStream().To(counts)
}

// A pattern matches whole names, of the topics that exist at the start and are not the app's own.
func TestPatternReadsWhatMatchesAtTheStart(t *testing.T) {
	b := newBroker(t, 2, "logs-a", "logs-b", "logs-7", "old-logs-a", "counts")
	line := func(topic string) { b.produce(topic, 1, func(int) (string, string) { return topic, "line" }) }
	for _, topic := range []string{"logs-a", "logs-b", "logs-7", "old-logs-a"} {
		line(topic)
	}
	c := b.config(t)
	_, stop := start(t, planOf(t, readLogs), c)
	if got, want := b.keysOf("counts", 2), []string{"logs-a", "logs-b"}; !slices.Equal(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}

	b.create("logs-c", 2, nil)
	line("logs-c")
	start(t, planOf(t, readLogs), c)
	if got, want := b.keysOf("counts", 3), []string{"logs-a", "logs-b", "logs-c"}; !slices.Equal(got, want) {
		t.Errorf("after the next start: read %v, want %v", got, want)
	}
}

// On a real cluster a topic that was just made is not yet known to every broker.
func TestStartWaitsAMomentForNewTopics(t *testing.T) {
	b := newBroker(t, 1, "words")
	asked, once := make(chan struct{}), sync.Once{}
	b.ControlKey(kmsg.Metadata.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		names := func(topic kmsg.MetadataRequestTopic) bool { return topic.Topic != nil && *topic.Topic == "counts" }
		if slices.ContainsFunc(req.(*kmsg.MetadataRequest).Topics, names) {
			once.Do(func() { close(asked) })
		}
		return nil, nil, false
	})
	app, _ := start(t, wordCounts(t), b.config(t))
	<-asked
	b.create("counts", 1, nil)
	await(t, "the app to run", func() bool { return app.State() == pitwheel.Running })
}

func cogrouped(b *topology.Builder, s topology.Stream[string, string], opts ...topology.StepOption) {
	add := func(_, v, a string) string { return a + v }
	s.GroupByKey(opts...).Cogroup(add).Cogroup(b.Stream(texts("right")).GroupByKey(), add).
		Aggregate(func() string { return "" }, topology.As("both")).ToStream().To(texts("out"))
}

// TestStartRefuses tells what is wrong with the topics, and the fix.
func TestStartRefuses(t *testing.T) {
	tests := map[string]struct {
		plan *topology.Plan
		want []string
	}{
		"a pattern that matches nothing": {
			planOf(t, func(b *topology.Builder) { b.StreamMatching(logs).To(texts("out")) }),
			[]string{`no topic matches the pattern "logs-[a-z]+|app-.*"`, "create one"},
		},
		"a topic of two patterns": {
			planOf(t, func(b *topology.Builder) {
				for _, pattern := range []string{"lef.", ".*left"} {
					b.StreamMatching(topology.NewTopicPattern(regexp.MustCompile(pattern), serde.String(), serde.String())).To(texts("out"))
				}
			}),
			[]string{`topic "left" matches the patterns of two sources`, "make a pattern narrower"},
		},
		"topics of different widths that meet by key": {
			planOf(t, func(b *topology.Builder) { cogrouped(b, b.Stream(texts("left"))) }),
			[]string{`"left" has 2`, `"right" has 3`, "the same number of partitions", "Repartition"},
		},
		"a repartition topic of another width": {
			planOf(t, func(b *topology.Builder) {
				cogrouped(b, b.Stream(texts("left")).Repartition(topology.Name("wide"), topology.Partitions(4)))
			}),
			[]string{`"app-wide-repartition" has 4`, `"right" has 3`},
		},
		"a table's topic that forgets": {
			planOf(t, func(b *topology.Builder) { b.Table(texts("left"), topology.As("rows")).ToStream().To(texts("out")) },
				topology.Optimize()),
			[]string{`topic "left"`, `store "rows"`, "cleanup.policy=compact"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBroker(t, 2, "left", "out")
			b.create("right", 3, nil)
			app, stop := start(t, tt.plan, b.config(t))
			await(t, "the refusal", func() bool { return app.State() == pitwheel.Failed })
			err := stop()
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
}

// A repartition topic gets as many partitions as the topics that its records meet, though what is
// written to it comes from fewer.
func TestRepartitionTopicFollowsWhatItMeets(t *testing.T) {
	b := newBroker(t, 2, "left", "out")
	b.create("right", 3, nil)
	start(t, planOf(t, func(builder *topology.Builder) {
		s := builder.Stream(texts("left")).SelectKey(func(k, _ string) string { return k })
		cogrouped(builder, s, topology.Name("by-key"))
	}), b.config(t))
	const keys = 20
	key := func(i int) (string, string) { return fmt.Sprintf("k%d", i%keys), "x" }
	b.produce("left", keys, key)
	b.produce("right", keys, key)
	both := map[string]string{}
	for i := range keys {
		both[fmt.Sprintf("k%d", i)] = fmt.Sprintf("%x", "xx")
	}
	got, _ := b.latest("out", func(last map[string]string, _ int) bool { return cmp.Equal(last, both) })
	if diff := cmp.Diff(both, got); diff != "" {
		t.Error(diff)
	}
	details, err := kadm.NewClient(b.client).ListTopics(context.Background(), "app-by-key-repartition")
	if err != nil || len(details["app-by-key-repartition"].Partitions) != 3 {
		t.Errorf("got %v, %v, want 3 partitions", details, err)
	}
}

// With Optimize a table's rows come back from its own topic: what was processed of it, and only that.
func TestOptimizedTableComesBackFromItsTopic(t *testing.T) {
	b := newBroker(t, 2, "out")
	b.create("rows", 2, map[string]*string{"cleanup.policy": new("compact")})
	// A filter behind a table with rows hands on the deletion of a row that was there, and no other.
	plan := planOf(t, func(b *topology.Builder) {
		b.Table(texts("rows"), topology.As("latest")).
			Filter(func(_, v string) bool { return v != "dropped" }).ToStream().To(texts("out"))
	}, topology.Optimize())
	c := b.config(t)
	put := func(key, value string) { b.produce("rows", 1, func(int) (string, string) { return key, value }) }
	remove := func(key string) {
		r := &kgo.Record{Topic: "rows", Key: []byte(key)}
		if err := b.client.ProduceSync(context.Background(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	_, stop := start(t, plan, c)
	for i := range 50 {
		put(fmt.Sprintf("k%d", i%10), "old")
	}
	put("a", "1")
	put("b", "1")
	put("c", "dropped")
	remove("b")
	put("last", "1")
	b.latest("out", func(last map[string]string, n int) bool { return last["last"] != "" && n == 54 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(c.StateDir); err != nil {
		t.Fatal(err)
	}

	// While nothing runs: these are still to be processed, against the rows as they were.
	for _, key := range []string{"b", "c", "a", "never"} {
		remove(key)
	}
	start(t, plan, c)
	put("end", "1")
	put("last", "2")
	b.latest("out", func(last map[string]string, n int) bool {
		return last["end"] != "" && last["last"] == fmt.Sprintf("%x", "2") && n == 54+3
	})
	offsets, err := kadm.NewClient(b.client).ListTopics(context.Background())
	if err != nil || offsets.Has("app-latest-changelog") {
		t.Errorf("a changelog was made beside the topic: %v %v", offsets.Names(), err)
	}
}

// TestReplicationLargerThanTheClusterIsRefused wants more replicas than there are brokers.
func TestReplicationLargerThanTheClusterIsRefused(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	c := b.config(t)
	c.Replication = 3
	why := failure(t, wordCounts(t), c)
	for _, part := range []string{`create topic "app-word-counts-repartition"`, "3 replicas, as Config.Replication says", "the cluster has 1 brokers", "set Config.Replication"} {
		if !strings.Contains(why, part) {
			t.Errorf("got %q, want %q in it", why, part)
		}
	}
}
