package changelog

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTopicConfig(t *testing.T) {
	tests := []struct {
		name      string
		window    bool
		retention time.Duration
		over      map[string]string
		want      map[string]string
	}{
		{
			name: "key-value", retention: time.Hour,
			want: map[string]string{"cleanup.policy": "compact", "message.timestamp.type": "CreateTime"},
		},
		{
			name: "window: its retention and a day", window: true, retention: time.Hour,
			want: map[string]string{
				"cleanup.policy": "compact,delete", "message.timestamp.type": "CreateTime", "retention.ms": "90000000",
			},
		},
		{
			name: "window: for ever", window: true, retention: math.MaxInt64,
			want: map[string]string{
				"cleanup.policy": "compact,delete", "message.timestamp.type": "CreateTime", "retention.ms": "9223372036854775807",
			},
		},
		{
			name: "what the topology says replaces and adds", window: true, retention: time.Hour,
			over: map[string]string{"retention.ms": "-1", "segment.bytes": "1048576"},
			want: map[string]string{
				"cleanup.policy": "compact,delete", "message.timestamp.type": "CreateTime",
				"retention.ms": "-1", "segment.bytes": "1048576",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := TopicConfig(tt.window, tt.retention, tt.over)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTopicConfigKeepsNothingOfTheLastOne(t *testing.T) {
	over := map[string]string{"a": "b"}
	TopicConfig(true, time.Hour, over)["cleanup.policy"] = "changed"
	if got := TopicConfig(true, time.Hour, nil)["cleanup.policy"]; got != "compact,delete" || len(over) != 1 {
		t.Errorf("cleanup.policy = %q, overrides %v", got, over)
	}
}

func TestVersionedTopicConfigKeepsTheHistory(t *testing.T) {
	want := map[string]string{
		"cleanup.policy": "compact", "message.timestamp.type": "CreateTime", "min.compaction.lag.ms": "90000000",
	}
	if diff := cmp.Diff(want, VersionedTopicConfig(time.Hour, nil)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	over := map[string]string{"min.compaction.lag.ms": "1"}
	if got := VersionedTopicConfig(time.Hour, over)["min.compaction.lag.ms"]; got != "1" {
		t.Errorf("the lag is %s, want the topology's", got)
	}
	const forever = 1<<63 - 1
	if got := VersionedTopicConfig(forever, nil)["min.compaction.lag.ms"]; got != "9223372036854" {
		t.Errorf("the lag of an endless history is %s ms", got)
	}
}

func TestRepartitionConfigForgetsNothingByItself(t *testing.T) {
	want := map[string]string{
		"cleanup.policy": "delete", "message.timestamp.type": "CreateTime", "segment.bytes": "52428800", "retention.ms": "-1",
	}
	if diff := cmp.Diff(want, RepartitionConfig()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
