package reactor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/internal/plan"
)

// describe is the topic's config, as of the start.
func (t *topics) describe(ctx context.Context, topic string) (map[string]string, error) {
	if config, ok := t.configs[topic]; ok {
		return config, nil
	}
	config, err := t.admin.TopicConfig(ctx, topic)
	if err == nil {
		t.configs[topic] = config
	}
	return config, err
}

// checkInternal refuses internal topics whose config would lose records, or their times. What the
// topology sets itself (topology.TopicConfig) is the user's own choice.
func (t *topics) checkInternal(ctx context.Context, all []internalTopic) error {
	var wrong error
	for _, topic := range all {
		config, err := t.describe(ctx, topic.name)
		if err != nil {
			return err
		}
		for _, key := range []string{"cleanup.policy", "retention.ms", "min.compaction.lag.ms", "message.timestamp.type"} {
			want := topic.config[key]
			if _, own := topic.own[key]; own || keepsAsMuch(key, config, topic) {
				continue
			}
			wrong = errors.Join(wrong, fmt.Errorf("internal topic %q has %s=%s, %s: set it with kafka-configs.sh --alter --entity-type topics --entity-name %s --add-config %s=%s",
				topic.name, key, config[key], topic.why[key], topic.name, key, quotedConfig(want)))
		}
	}
	return wrong
}

func quotedConfig(value string) string {
	if strings.Contains(value, ",") {
		return "[" + value + "]"
	}
	return value
}

// keepsAsMuch says whether an internal topic loses nothing that is needed for that part of its config.
func keepsAsMuch(key string, config map[string]string, topic internalTopic) bool {
	value, policies := config[key], strings.Split(config["cleanup.policy"], ",")
	switch key {
	case "cleanup.policy":
		if topic.changelog {
			// A window's rows may go by their age; other rows only when there is a later one.
			return slices.Contains(policies, "compact") && (topic.retention > 0 || !slices.Contains(policies, "delete"))
		}
		return !slices.Contains(policies, "compact")
	case "retention.ms":
		if !slices.Contains(policies, "delete") {
			return true // nothing goes by its age
		}
		ms, err := strconv.ParseInt(value, 10, 64)
		return err != nil || ms < 0 || topic.changelog && ms >= topic.retention.Milliseconds()
	case "min.compaction.lag.ms":
		ms, err := strconv.ParseInt(value, 10, 64)
		return topic.history == 0 || err == nil && ms >= topic.history.Milliseconds()
	default:
		return value == "" || value == topic.config[key]
	}
}

// defaultMaxBytes is a little less than the default of max.message.bytes.
const defaultMaxBytes = 1_000_012

// readLimits asks how large a batch may be for those topics. Where the broker does not say, Kafka's
// default is taken.
func (t *topics) readLimits(ctx context.Context, names []string) error {
	for _, name := range names {
		config, err := t.admin.TopicConfig(ctx, name)
		if kafka.NotAllowed(err) || kafka.UnknownTopic(err) {
			t.config.Logger.Info("how large records may be is not known", "topic", name, "taken", defaultMaxBytes, "error", err)
			continue
		}
		if err != nil {
			return err
		}
		t.noteLimit(name, config)
	}
	return nil
}

func (t *topics) noteLimit(name string, config map[string]string) {
	bytes, err := strconv.ParseInt(config["max.message.bytes"], 10, 64)
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.limits[name] = int32(min(max(bytes, 512), 1<<30))
}

// maxBytes is how large a batch may be for the topic.
func (t *topics) maxBytes(topic string) int32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if limit, ok := t.limits[topic]; ok {
		return limit
	}
	return defaultMaxBytes
}

// tooLarge are the topics that refused something as too large.
func tooLarge(suspects []kafka.Suspect) []string {
	var names []string
	for i := range suspects {
		if name := suspects[i].Topic(); suspects[i].TooLarge() && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// changelogOf is the store whose changelog the topic is; empty: it is none.
func (t *topics) changelogOf(topic string) string {
	for _, sub := range t.config.Plan.Subtopologies {
		for _, s := range sub.Stores {
			if s.Logged && plan.ChangelogTopic(t.config.ApplicationID, s.Name) == topic {
				return s.Name
			}
		}
	}
	return ""
}

// defaultDeletions is Kafka's delete.retention.ms where a topic says nothing.
const defaultDeletions = 24 * time.Hour

// deletionsOf is how long a topic of that config keeps deletions.
func deletionsOf(config map[string]string) time.Duration {
	if ms, err := strconv.ParseInt(config["delete.retention.ms"], 10, 64); err == nil && ms >= 0 {
		return time.Duration(ms) * time.Millisecond
	}
	return defaultDeletions
}

// readDeletions asks how long changelogs keep deletions: local state that is older cannot be brought
// up to date by them.
func (t *topics) readDeletions(ctx context.Context) error {
	for _, sub := range t.config.Plan.Subtopologies {
		for _, s := range sub.Stores {
			if !s.Logged || s.InMemory || s.Kind.Expires() {
				continue
			}
			config, err := t.describe(ctx, plan.ChangelogTopic(t.config.ApplicationID, s.Name))
			if err != nil {
				return err
			}
			t.keeps[s.Name] = deletionsOf(config)
		}
	}
	return nil
}

// deletions is how long the changelog of a store keeps deletions.
func (t *topics) deletions(store string) time.Duration {
	if d, ok := t.keeps[store]; ok {
		return d
	}
	return defaultDeletions
}

// keepsDeletions is how long the topic keeps deletions; where that may not be read, Kafka's default.
func (t *topics) keepsDeletions(ctx context.Context, topic string) (time.Duration, error) {
	config, err := t.admin.TopicConfig(ctx, topic)
	if kafka.NotAllowed(err) {
		return defaultDeletions, nil
	}
	if err != nil {
		return 0, err
	}
	return deletionsOf(config), nil
}
