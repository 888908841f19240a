package reactor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// countWords has a repartition topic, a changelog and an output.
func countWords(b *topology.Builder) {
	b.Stream(text("in")).GroupBy(func(_, v string) string { return v }, topology.Name("by-word")).
		Count(topology.As("counts")).ToStream().
		To(topology.NewTopic("out", serde.String(), serde.Int64()))
}

// admin is a client of the test's own.
func (b *bench) admin() *kadm.Client {
	b.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.config.Kafka.Brokers...), kgo.Dialer(b.dial))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// TestTopicThatIsGoneEndsTheApp deletes topics, makes them anew and gives them partitions while the app
// runs, in the middle of the work or when there is nothing to do.
func TestTopicThatIsGoneEndsTheApp(t *testing.T) {
	ctx := context.Background()
	remove := func(topic string) func(*bench, *kadm.Client) error {
		return func(b *bench, _ *kadm.Client) error { return b.DeleteTopic(topic) }
	}
	tests := map[string]struct {
		change func(*bench, *kadm.Client) error
		want   []string
	}{
		"an input is deleted":            {remove("in"), []string{`topic "in" was deleted`, "offsets are of the old one"}},
		"an output is deleted":           {remove("out"), []string{`topic "out" was deleted`, "create it", "start again"}},
		"a repartition topic is deleted": {remove("app-by-word-repartition"), []string{`"app-by-word-repartition" was deleted`, "not yet processed is lost"}},
		"a changelog is deleted":         {remove("app-counts-changelog"), []string{`"app-counts-changelog" was deleted`, "local state may be the only copy", "start over"}},
		"an output is made anew": {func(b *bench, _ *kadm.Client) error {
			return errors.Join(b.DeleteTopic("out"), b.CreateTopic("out", 1, nil))
		}, []string{`topic "out" was deleted and made anew`}},
		"an input gets partitions": {func(_ *bench, a *kadm.Client) error {
			_, err := a.UpdatePartitions(ctx, 3, "in")
			return err
		}, []string{`topic "in" had 1 partitions`, "has", "start over"}},
		"a changelog gets partitions": {func(_ *bench, a *kadm.Client) error {
			_, err := a.UpdatePartitions(ctx, 2, "app-counts-changelog")
			return err
		}, []string{`topic "app-counts-changelog" had 1 partitions`, "has 2 now", "start over"}},
	}
	for name, tt := range tests {
		for _, busy := range []bool{false, true} {
			if busy {
				name += ", while records come"
			}
			t.Run(name, func(t *testing.T) {
				b := newBench(t, countWords, "in", "out")
				b.config.WatchInterval = 50 * time.Millisecond
				e, stop := b.start()
				b.write("in", repeated(70, 7)...)
				b.counted("out", 70)
				admin := b.admin()
				if busy {
					b.write("in", repeated(1000, 7)...)
				}
				if err := tt.change(b, admin); err != nil {
					t.Fatal(err)
				}
				<-e.work.Done()
				err := stop()
				for _, want := range tt.want {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("got %v, want %q in it", err, want)
					}
				}
			})
		}
	}
}

// A broker may not know a topic for a moment, and an output may get partitions.
func TestTopicsThatAreThereAreNoTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, countWords, "in", "out")
		_, stop := b.start()
		b.write("in", repeated(70, 7)...)
		b.counted("out", 70)
		if _, err := b.admin().UpdatePartitions(context.Background(), 3, "out"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * watchEvery)
		b.write("in", repeated(70, 7)...)
		b.counted("out", 140)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
