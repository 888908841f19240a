package changelog

import (
	"maps"
	"math"
	"strconv"
	"time"
)

// AdditionalRetention is how much longer than its windows a window changelog's records are kept.
// Kafka Streams: windowstore.changelog.additional.retention.ms.
const AdditionalRetention = 24 * time.Hour

// TopicConfig is a changelog's topic config: compacted; a window store's also forgets what is
// older than its retention and a day. over replaces and adds.
func TopicConfig(window bool, retention time.Duration, over map[string]string) map[string]string {
	config := map[string]string{
		"cleanup.policy":         "compact",
		"message.timestamp.type": "CreateTime",
	}
	if window {
		config["cleanup.policy"] = "compact,delete"
		kept := int64(math.MaxInt64) // for ever
		if sum := retention + AdditionalRetention; sum > retention {
			kept = sum.Milliseconds()
		}
		config["retention.ms"] = strconv.FormatInt(kept, 10)
	}
	maps.Copy(config, over)
	return config
}

// AdditionalCompactionLag is how much longer than a version's history its record stays as it is. Kafka
// Streams: VersionedChangelogTopicConfig.
const AdditionalCompactionLag = 24 * time.Hour

// VersionedTopicConfig is the config of a versioned store's changelog: compacted, but only what is
// older than the history and a day, because all records of a key within it are wanted. over
// replaces and adds.
func VersionedTopicConfig(history time.Duration, over map[string]string) map[string]string {
	config := TopicConfig(false, 0, nil)
	lag := history + AdditionalCompactionLag
	if lag < history {
		lag = math.MaxInt64
	}
	config["min.compaction.lag.ms"] = strconv.FormatInt(lag.Milliseconds(), 10)
	maps.Copy(config, over)
	return config
}

// RepartitionConfig is a repartition topic's config: kept for ever, because records are deleted
// once they are consumed.
func RepartitionConfig() map[string]string {
	return map[string]string{
		"cleanup.policy":         "delete",
		"message.timestamp.type": "CreateTime",
		"segment.bytes":          "52428800",
		"retention.ms":           "-1",
	}
}
