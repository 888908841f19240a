package pitwheel_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// TestInternalTopicsThatLoseRecordsAreRefused starts apps whose internal topics were made, or changed,
// by somebody else.
func TestInternalTopicsThatLoseRecordsAreRefused(t *testing.T) {
	hours := func(b *topology.Builder) {
		b.Stream(words).GroupByKey().WindowedBy(windowing.Tumbling(time.Hour)).Count(topology.As("per-hour"))
	}
	const counts, windows, repartition = "app-word-counts-changelog", "app-per-hour-changelog", "app-word-counts-repartition"
	tests := map[string]struct {
		topic  string
		config map[string]*string
		build  func(*topology.Builder) // nil: counts by word
		want   []string                // empty: it runs
	}{
		"a changelog that is deleted by age": {
			counts, map[string]*string{"cleanup.policy": new("delete")}, nil,
			[]string{`"app-word-counts-changelog" has cleanup.policy=delete`, `store "word-counts"`, "--add-config cleanup.policy=compact"},
		},
		"a changelog that is compacted and deleted by age": {
			counts, map[string]*string{"cleanup.policy": new("compact,delete")}, nil, []string{"cleanup.policy=compact,delete", "lose rows"},
		},
		"a changelog with the broker's times": {
			counts, map[string]*string{"cleanup.policy": new("compact"), "message.timestamp.type": new("LogAppendTime")}, nil,
			[]string{"message.timestamp.type=LogAppendTime", "the times of records must stay", "--add-config message.timestamp.type=CreateTime"},
		},
		"a repartition topic that is compacted": {
			repartition, map[string]*string{"cleanup.policy": new("compact")}, nil,
			[]string{`"app-word-counts-repartition" has cleanup.policy=compact`, "not yet processed"},
		},
		"a repartition topic that is deleted by age": {
			repartition, map[string]*string{"cleanup.policy": new("delete"), "retention.ms": new("60000")}, nil,
			[]string{"retention.ms=60000", "not yet processed", "--add-config retention.ms=-1"},
		},
		"a window changelog that keeps less than the windows": {
			windows, map[string]*string{"cleanup.policy": new("compact,delete"), "retention.ms": new("60000")}, hours,
			[]string{`"app-per-hour-changelog" has retention.ms=60000`, `store "per-hour"`, "1h0m0s"},
		},
		"a window changelog that is only compacted": {
			windows, map[string]*string{"cleanup.policy": new("compact"), "retention.ms": new("60000")}, hours, nil,
		},
		"a changelog as the topology wants it": {
			counts, map[string]*string{"cleanup.policy": new("delete")},
			func(b *topology.Builder) {
				b.Stream(words).GroupBy(func(_, word string) string { return word }).
					Count(topology.As("word-counts"), topology.TopicConfig("cleanup.policy", "delete"))
			}, nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBroker(t, 1, "words", "counts")
			b.create(tt.topic, 1, tt.config)
			plan := wordCounts(t)
			if tt.build != nil {
				plan = planOf(t, tt.build)
			}
			if len(tt.want) == 0 {
				app, stop := start(t, plan, b.config(t))
				await(t, "the app to run", func() bool { return app.State() == pitwheel.Running })
				if err := stop(); err != nil {
					t.Error(err)
				}
				return
			}
			why := failure(t, plan, b.config(t))
			for _, part := range tt.want {
				if !strings.Contains(why, part) {
					t.Errorf("got %q, want %q in it", why, part)
				}
			}
		})
	}
}
