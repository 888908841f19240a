package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Brokers splits a comma-separated list.
func Brokers(s string) kgo.Opt { return kgo.SeedBrokers(strings.Split(s, ",")...) }

// Admin opens an admin client. It must not answer from metadata that is some seconds old: topics that a short run has
// made in between would be missing.
func Admin(brokers string) (*kadm.Client, error) {
	cl, err := kgo.NewClient(Brokers(brokers), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		return nil, err
	}
	return kadm.NewClient(cl), nil
}

// CreateTopic makes a topic; one that exists already is left as it is and reported as false.
func CreateTopic(ctx context.Context, adm *kadm.Client, topic string, partitions int32, configs map[string]string) (bool, error) {
	c := map[string]*string{}
	for k, v := range configs {
		c[k] = &v
	}
	resp, err := adm.CreateTopic(ctx, partitions, 1, c, topic)
	if errors.Is(err, kerr.TopicAlreadyExists) || errors.Is(resp.Err, kerr.TopicAlreadyExists) {
		return false, nil
	}
	if err == nil {
		err = resp.Err
	}
	return err == nil, err
}

// KeepForever is the topic configuration for inputs and outputs: event times may be old, so nothing may expire.
func KeepForever() map[string]string {
	return map[string]string{"retention.ms": "-1", "retention.bytes": "-1"}
}

// Compacted is the topic configuration of a key-value changelog.
func Compacted() map[string]string { return map[string]string{"cleanup.policy": "compact"} }

// Ends returns a topic's end offsets by partition; with committed, the last stable offsets.
func Ends(ctx context.Context, adm *kadm.Client, topic string, committed bool) (map[int32]int64, error) {
	list := adm.ListEndOffsets
	if committed {
		list = adm.ListCommittedOffsets
	}
	listed, err := list(ctx, topic)
	if err != nil {
		return nil, err
	}
	if err := listed.Error(); err != nil {
		return nil, err
	}
	ends := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
	if len(ends) == 0 {
		return nil, fmt.Errorf("broker: topic %s not found", topic)
	}
	return ends, nil
}

// PrefixEnds returns the sum of the end offsets of every topic whose name begins with prefix.
func PrefixEnds(ctx context.Context, adm *kadm.Client, prefix string) (map[string]int64, error) {
	topics, err := adm.ListTopics(ctx)
	if err != nil {
		return nil, err
	}
	sums := map[string]int64{}
	for _, t := range topics.Sorted() {
		if strings.HasPrefix(t.Topic, prefix) {
			ends, err := Ends(ctx, adm, t.Topic, false)
			if err != nil {
				return nil, err
			}
			sums[t.Topic] = Sum(ends)
		}
	}
	return sums, nil
}

// Committed returns a group's committed offsets of a topic by partition; partitions without one are left out.
func Committed(ctx context.Context, adm *kadm.Client, group, topic string) (map[int32]int64, error) {
	resp, err := adm.FetchOffsets(ctx, group)
	if err != nil {
		if errors.Is(err, kerr.GroupIDNotFound) {
			return map[int32]int64{}, nil
		}
		return nil, err
	}
	out := map[int32]int64{}
	resp.Each(func(o kadm.OffsetResponse) {
		if o.Topic == topic && o.Err == nil {
			out[o.Partition] = o.At
		}
	})
	return out, nil
}

// Sum adds up offsets.
func Sum(offsets map[int32]int64) (n int64) {
	for _, o := range offsets {
		n += o
	}
	return n
}

// Reached reports whether every partition's offset has come to its end.
func Reached(at, ends map[int32]int64) bool {
	for p, end := range ends {
		if at[p] < end {
			return false
		}
	}
	return true
}

// ReadAll reads a topic from its beginning to its present end, partition by partition in offset order, without a group.
// With committed only, it reads what a read_committed consumer sees.
func ReadAll(ctx context.Context, brokers, topic string, committed bool, each func(*kgo.Record)) error {
	adm, err := Admin(brokers)
	if err != nil {
		return err
	}
	defer adm.Close()
	ends, err := Ends(ctx, adm, topic, committed)
	if err != nil {
		return err
	}
	starts, err := adm.ListStartOffsets(ctx, topic)
	if err != nil {
		return err
	}
	from := map[int32]kgo.Offset{}
	open := map[int32]int64{}
	for p, end := range ends {
		if s, ok := starts.Lookup(topic, p); ok && s.Offset < end {
			from[p] = kgo.NewOffset().At(s.Offset)
			open[p] = end
		}
	}
	if len(open) == 0 {
		return nil
	}
	opts := []kgo.Opt{
		Brokers(brokers),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}),
		kgo.KeepControlRecords(), // so that the last offset is seen even when a transaction marker has it
		kgo.FetchMaxBytes(32 << 20), kgo.FetchMaxPartitionBytes(8 << 20),
	}
	if committed {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer cl.Close()
	for len(open) > 0 {
		wait, cancel := context.WithTimeout(ctx, 60*time.Second)
		fs := cl.PollFetches(wait)
		cancel()
		if err := fs.Err0(); err != nil {
			return fmt.Errorf("broker: reading %s: %w (still open: %v)", topic, err, open)
		}
		for _, e := range fs.Errors() {
			return fmt.Errorf("broker: reading %s: %w", topic, e.Err)
		}
		fs.EachRecord(func(r *kgo.Record) {
			end, ok := open[r.Partition]
			if !ok {
				return
			}
			if r.Offset < end && !r.Attrs.IsControl() {
				each(r)
			}
			if r.Offset >= end-1 {
				delete(open, r.Partition)
			}
		})
	}
	return nil
}

// DeletePrefix deletes every topic and consumer group whose name begins with prefix.
func DeletePrefix(ctx context.Context, adm *kadm.Client, prefix string) error {
	topics, err := adm.ListTopics(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, t := range topics.Sorted() {
		if strings.HasPrefix(t.Topic, prefix) {
			names = append(names, t.Topic)
		}
	}
	if len(names) > 0 {
		if _, err := adm.DeleteTopics(ctx, names...); err != nil {
			return err
		}
	}
	groups, err := adm.ListGroups(ctx)
	if err != nil {
		return err
	}
	var ids []string
	for _, g := range groups.Groups() {
		if strings.HasPrefix(g, prefix) {
			ids = append(ids, g)
		}
	}
	if len(ids) > 0 {
		_, err = adm.DeleteGroups(ctx, ids...)
	}
	return err
}
