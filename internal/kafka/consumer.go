package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/internal/planted"
	"github.com/pitwheel/pitwheel/record"
)

// ConsumerConfig is how an instance takes part in its group.
type ConsumerConfig struct {
	Group      string
	InstanceID string // static membership
	Topics     []string
	Balancer   BalancerConfig          // its Standby is left empty: see Assigned
	Latest     func(topic string) bool // whether it starts at its end where no offset is committed; nil: none does
	Leave      bool                    // give partitions away at once when closing

	SessionTimeout   time.Duration // zero: 45 s
	RebalanceTimeout time.Duration // zero: 60 s
	FetchBytes       int32         // of one fetch answer; zero: 16 MiB

	// The callbacks run one at a time, while the group waits. Assigned partitions are paused
	// until Resume. Partitions have been taken away by someone else when Lost is called; but where
	// joining again finds that the member is no longer known, it is not, and only the member's id is
	// another.
	Assigned func(ctx context.Context, a Assignment)
	Revoked  func(ctx context.Context, of []record.Partition)
	Lost     func(ctx context.Context, of []record.Partition)
}

// Consumer is an instance's membership and the records it fetches.
type Consumer struct {
	client   *kgo.Client
	cancel   context.CancelFunc // ends every request of the client
	of       ConsumerConfig
	access   *Access
	standbys []Standby // as of the last assignment; the group's goroutines alone touch it
}

// heartbeat is Kafka's 3 s made shorter: after a member has died the others should know at once.
const heartbeat = 500 * time.Millisecond

// NewConsumer makes a consumer, which joins its group by itself.
func NewConsumer(c Config, of ConsumerConfig) (*Consumer, error) {
	c = c.Shared()
	session, rebalance := of.SessionTimeout, of.RebalanceTimeout
	if session == 0 {
		session = 45 * time.Second
	}
	if rebalance == 0 {
		rebalance = 60 * time.Second
	}
	bytes := of.FetchBytes
	if bytes == 0 {
		bytes = 16 << 20
	}
	k := &Consumer{of: of, access: c.Access}
	balancer := of.Balancer
	balancer.Standby = func(all []Standby) { k.standbys = all }
	isolation := kgo.ReadCommitted()
	if planted.ConsumeUncommitted {
		isolation = kgo.ReadUncommitted()
	}
	root, cancel := context.WithCancel(context.Background())
	k.cancel = cancel
	opts := c.options(
		kgo.WithContext(root),
		kgo.ConsumerGroup(of.Group),
		kgo.ConsumeTopics(of.Topics...),
		kgo.Balancers(NewBalancer(balancer)),
		kgo.DisableAutoCommit(),
		kgo.FetchIsolationLevel(isolation),
		// The engine sets every position itself; a position that is gone is an error, not a skip.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		// Markers move the position, so that a partition that ends with one is seen to be read.
		kgo.KeepControlRecords(),
		kgo.SessionTimeout(session),
		// Heartbeats tell a member of a rebalance, so how long one takes, and a failover, depends on them.
		kgo.HeartbeatInterval(min(heartbeat, session/3)),
		kgo.RebalanceTimeout(rebalance),
		// How long a broker may wait for records, and so how long a partition that comes back from
		// a pause may have to wait for its turn.
		kgo.FetchMaxWait(250*time.Millisecond),
		kgo.WithPools(recordPools{}),
		kgo.FetchMaxBytes(bytes),
		kgo.FetchMaxPartitionBytes(max(bytes/4, 1<<20)),
		kgo.OnPartitionsAssigned(func(ctx context.Context, client *kgo.Client, of map[string][]int32) {
			client.PauseFetchPartitions(of)
			id, generation := client.GroupMetadata()
			k.of.Assigned(ctx, Assignment{Member{id, generation, k.of.InstanceID}, partitions(of), k.standbys})
		}),
		kgo.OnPartitionsRevoked(func(ctx context.Context, _ *kgo.Client, of map[string][]int32) {
			k.of.Revoked(ctx, partitions(of))
		}),
		kgo.OnPartitionsLost(func(ctx context.Context, _ *kgo.Client, of map[string][]int32) {
			k.of.Lost(ctx, partitions(of))
		}),
	)
	if of.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(of.InstanceID))
	}
	if of.Latest != nil {
		opts = append(opts, kgo.AdjustFetchOffsetsFn(k.startLatest))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("kafka consumer: %w", err)
	}
	k.client = client
	return k, nil
}

// startLatest replaces the start of a partition by its end where no offset is committed.
func (k *Consumer) startLatest(_ context.Context, at map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	const start = -2 // ListOffsets' earliest
	for topic, partitions := range at {
		for id, offset := range partitions {
			if k.of.Latest(topic) && offset.EpochOffset().Offset == start {
				partitions[id] = kgo.NewOffset().AtEnd()
			}
		}
	}
	return at, nil
}

// Close ends the membership. A static member stays in the group until its session times out,
// unless Leave is set; another leaves.
func (k *Consumer) Close(ctx context.Context) {
	if k.of.Leave && k.of.InstanceID != "" {
		k.leaveStatic(ctx)
	}
	// The client waits for the answer to a join, which may be a long time coming: nobody needs it now.
	giveUp := time.AfterFunc(joinGrace, k.cancel)
	defer giveUp.Stop()
	k.client.CloseAllowingRebalance()
	k.cancel()
}

// joinGrace is how long closing waits for a join that is under way.
const joinGrace = time.Second

// leaveStatic removes a static member, which the client alone does not (KIP-345).
func (k *Consumer) leaveStatic(ctx context.Context) {
	member := kmsg.NewLeaveGroupRequestMember()
	member.MemberID, member.InstanceID = k.Member().ID, &k.of.InstanceID
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = k.of.Group, member.MemberID
	req.Members = append(req.Members, member)
	if _, err := req.RequestWith(ctx, k.client); err != nil {
		k.access.log.Warn("leaving the group failed", "error", err)
	}
}

// Member is the membership as it is now.
func (k *Consumer) Member() Member {
	id, generation := k.client.GroupMetadata()
	return Member{ID: id, Generation: generation, InstanceID: k.of.InstanceID}
}

// Rejoin has the group assign anew: a follower's word counts if what it holds has changed since it
// joined, the leader's always.
func (k *Consumer) Rejoin() { k.client.ForceRebalance() }

// Subscribe takes part in reading more topics, which the group assigns by and by.
func (k *Consumer) Subscribe(topics []string) { k.client.AddConsumeTopics(topics...) }

// Unsubscribe forgets topics that are not there any more; what is assigned of them is revoked.
func (k *Consumer) Unsubscribe(topics []string) { k.client.PurgeTopicsFromConsuming(topics...) }

// Fetched is what one poll brought of a partition.
type Fetched struct {
	Partition record.Partition
	Records   []record.Raw
	Bytes     int   // of Records, about
	Next      int64 // the position behind what was read, markers included
	End       int64 // the last stable offset that the broker knew
}

// ErrOutOfRange is wrapped where a position is no longer, or not yet, in its partition.
var ErrOutOfRange = errors.New("the position is not in the partition")

// Poll waits until something was fetched or ctx ends, and gives it to each. An error is final.
func (k *Consumer) Poll(ctx context.Context, each func(Fetched)) error {
	return k.access.denied(poll(ctx, k.client, k.access, each), Right{"Read", "group", k.of.Group})
}

func poll(ctx context.Context, client *kgo.Client, access *Access, each func(Fetched)) error {
	fetches := client.PollRecords(ctx, 0)
	var failed error
	fetches.EachError(func(topic string, partition int32, err error) {
		if ctx.Err() == nil || !errors.Is(err, context.Cause(ctx)) {
			failed = errors.Join(failed, access.fetchError(topic, partition, err))
		}
	})
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		each(fetched(p))
	})
	return failed
}

// fetchError is nil for what the client tries again by itself.
func (a *Access) fetchError(topic string, partition int32, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	if session, ok := errors.AsType[*kgo.ErrGroupSession](err); ok {
		return a.sessionError(session.Err)
	}
	if lost, ok := errors.AsType[*kgo.ErrDataLoss](err); ok {
		return fmt.Errorf("fetch topic %q partition %d: the records from offset %d to %d, which were read, are gone: the partition lost its tail; what is written there now would be taken for read: set the group's offset to %d to go on from there, and see docs/reliability.md",
			topic, partition, lost.ResetTo, lost.ConsumedTo, lost.ResetTo)
	}
	if outOfRange(err) {
		return fmt.Errorf("fetch topic %q partition %d: %w: %w", topic, partition, ErrOutOfRange, err)
	}
	if !Fatal(err) || refusal(err) {
		a.log.Warn("fetching failed, trying again", "topic", topic, "partition", partition, "error", err)
		return nil
	}
	return fmt.Errorf("fetch topic %q partition %d: %w", topic, partition, a.denied(err, ReadTopic(topic)))
}

// sameInstance says what it means that another member has this one's instance id.
func sameInstance(err error) error {
	return fmt.Errorf("the group has another member of this instance id: two instances use one Config.InstanceID, or copies of one state directory; give each its own: %w", err)
}

// sessionError is nil for a membership that the client takes up again by itself: this instance was
// silent for too long, or was removed. What stands in the way of every new one is final.
func (a *Access) sessionError(err error) error {
	if errors.Is(err, kerr.FencedInstanceID) {
		return sameInstance(err)
	}
	for _, final := range []error{
		kerr.GroupAuthorizationFailed, kerr.TopicAuthorizationFailed, kerr.InconsistentGroupProtocol,
		kerr.InvalidSessionTimeout, kerr.InvalidGroupID, kerr.GroupMaxSizeReached,
	} {
		if errors.Is(err, final) {
			return fmt.Errorf("join the group: %w", err)
		}
	}
	a.log.Warn("the group has lost this instance, joining again", "error", err)
	return nil
}

func fetched(p kgo.FetchTopicPartition) Fetched {
	f := Fetched{
		Partition: record.Partition{Topic: p.Topic, ID: p.Partition},
		Records:   rawRecords.get(len(p.Records)),
		Next:      p.Records[len(p.Records)-1].Offset + 1,
		End:       p.LastStableOffset,
	}
	for _, r := range p.Records {
		if r.Attrs.IsControl() {
			r.Recycle()
			continue
		}
		raw := record.Raw{Key: r.Key, Value: r.Value, Time: record.TimeOf(r.Timestamp), Offset: r.Offset, LeaderEpoch: r.LeaderEpoch}
		if len(r.Headers) > 0 {
			raw.Headers = make(record.Headers, len(r.Headers))
			for i, h := range r.Headers {
				raw.Headers[i] = record.Header{Key: h.Key, Value: h.Value}
			}
		}
		f.Bytes += raw.Size()
		f.Records = append(f.Records, raw)
		r.Recycle()
	}
	return f
}

// Resume starts, or goes on, fetching.
func (k *Consumer) Resume(of []record.Partition) { k.client.ResumeFetchPartitions(byTopic(of)) }

// Pause stops fetching; what is buffered in the client is thrown away and fetched again later.
func (k *Consumer) Pause(of []record.Partition) { k.client.PauseFetchPartitions(byTopic(of)) }

// Seek sets positions. It must be called between polls, by the polling goroutine: a poll under way
// may still return what stood before. The client passes over a partition that it has no position of
// yet: it begins at the committed offset, or where the group has none at its start or end.
func (k *Consumer) Seek(to map[record.Partition]int64) {
	set := map[string]map[int32]kgo.EpochOffset{}
	for p, at := range to {
		if set[p.Topic] == nil {
			set[p.Topic] = map[int32]kgo.EpochOffset{}
		}
		set[p.Topic][p.ID] = kgo.EpochOffset{Epoch: -1, Offset: at}
	}
	k.client.SetOffsets(set)
}

func partitions(m map[string][]int32) []record.Partition {
	var of []record.Partition
	for topic, ids := range m {
		for _, id := range ids {
			of = append(of, record.Partition{Topic: topic, ID: id})
		}
	}
	return of
}

func byTopic(of []record.Partition) map[string][]int32 {
	m := map[string][]int32{}
	for _, p := range of {
		m[p.Topic] = append(m[p.Topic], p.ID)
	}
	return m
}
