package reactor

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/record"
)

// hanging has brokers say that a transaction hangs in the changelog of countKeys: one that has been in truth
// ended, so that what it wrote is there, and what the group committed. It hangs until a marker is written.
type hanging struct {
	mu      sync.Mutex
	start   int64
	holder  kmsg.DescribeProducersResponseTopicPartitionActiveProducer
	markers []kmsg.WriteTxnMarkersRequestMarker
}

const hangingIn = "app-counts-changelog"

func (b *bench) hang(h *hanging) {
	control := func(key kmsg.Key, answer func(kmsg.Request) kmsg.Response) {
		b.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
			b.KeepControl()
			h.mu.Lock()
			defer h.mu.Unlock()
			if len(h.markers) > 0 && key != kmsg.WriteTxnMarkers {
				return nil, nil, false
			}
			resp := answer(r)
			return resp, nil, resp != nil
		})
	}
	control(kmsg.ListOffsets, func(r kmsg.Request) kmsg.Response {
		req := r.(*kmsg.ListOffsetsRequest)
		if req.IsolationLevel != 1 || req.Topics[0].Topic != hangingIn {
			return nil
		}
		resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		of := kmsg.NewListOffsetsResponseTopicPartition()
		of.Offset = h.start
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic, topic.Partitions = hangingIn, append(topic.Partitions, of)
		resp.Topics = append(resp.Topics, topic)
		return resp
	})
	control(kmsg.DescribeProducers, func(r kmsg.Request) kmsg.Response {
		req := r.(*kmsg.DescribeProducersRequest)
		resp := req.ResponseKind().(*kmsg.DescribeProducersResponse)
		for _, t := range req.Topics {
			topic := kmsg.NewDescribeProducersResponseTopic()
			topic.Topic = t.Topic
			for _, id := range t.Partitions {
				p := kmsg.NewDescribeProducersResponseTopicPartition()
				p.Partition = id
				if t.Topic == hangingIn {
					p.ActiveProducers = append(p.ActiveProducers, h.holder)
				}
				topic.Partitions = append(topic.Partitions, p)
			}
			resp.Topics = append(resp.Topics, topic)
		}
		return resp
	})
	control(kmsg.WriteTxnMarkers, func(r kmsg.Request) kmsg.Response {
		h.markers = append(h.markers, r.(*kmsg.WriteTxnMarkersRequest).Markers...)
		return nil
	})
}

// lastTransaction is who wrote last to the changelog, and from where on.
func (b *bench) lastTransaction(h *hanging) {
	b.t.Helper()
	admin, err := kafka.NewAdmin(b.config.Kafka)
	if err != nil {
		b.t.Fatal(err)
	}
	defer admin.Close()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	of := record.Partition{Topic: hangingIn}
	ends, err := admin.Ends(ctx, []record.Partition{of})
	if err != nil {
		b.t.Fatal(err)
	}
	producer, epoch, start := int64(-1), int16(0), int64(0)
	at := int64(0)
	if err := admin.Batches(ctx, of, 0, func(x kafka.Batch) bool {
		if !x.Control && (x.ProducerID != producer || x.Epoch != epoch) {
			producer, epoch, start = x.ProducerID, x.Epoch, at
		}
		at = x.Next
		return true
	}); err != nil || at != ends[of] {
		b.t.Fatal(at, ends, err)
	}
	h.start = start
	h.holder = kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
	h.holder.ProducerID, h.holder.ProducerEpoch, h.holder.CurrentTxnStartOffset = producer, int32(epoch), start
}

// A transaction of a dead owner hangs in a changelog: the task waits, and the log says all that is known of it,
// how it was decided, and what to do. It is ended only if the config says so, and only where it is proven
// how it was decided.
func TestHungTransactionIsReportedAndEndedByPolicyAlone(t *testing.T) {
	tests := []struct {
		name   string
		repair bool
		other  bool // it is not the transaction of the group's commit
		says   []string
		ended  bool
	}{
		{"reported", false, false, []string{"decided=committed", "up to this transaction's last record", "can only abort"}, false},
		{"ended", true, false, []string{"decided=committed", "was ended as it had been decided"}, true},
		{"not proven", true, true, []string{"decided=undecided", "kafka-transactions.sh --bootstrap-server", "--topic app-counts-changelog --partition 0 --start-offset"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, countKeys, "in", "out")
				b.config.InstanceID = "dead"
				_, stop := b.start()
				b.write("in", repeated(140, 7)...)
				b.counted("out", 140)
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				h := &hanging{}
				b.lastTransaction(h)
				if tt.other {
					h.holder.ProducerEpoch += 100
				}
				b.hang(h)
				log := &lines{}
				b.config.InstanceID, b.config.RepairHung, b.config.TransactionTimeout = "one", tt.repair, time.Second
				b.config.Logger = slog.New(slog.NewTextHandler(log, nil))
				_, stop = b.start()
				b.writeBeside("in", repeated(70, 7)...)
				text, end := "", time.Now().Add(40*time.Second)
				until(func() bool {
					text += log.taken()
					return strings.Contains(text, tt.says[len(tt.says)-1]) || time.Now().After(end)
				})
				for _, want := range append(tt.says, "a transaction hangs", "topic=app-counts-changelog", "transactional_id=app-0@dead", "coordinator_has=Empty") {
					if !strings.Contains(text, want) {
						t.Errorf("the log does not say %q:\n%s", want, text)
					}
				}
				h.mu.Lock()
				for _, m := range h.markers {
					if m.ProducerID != h.holder.ProducerID || int32(m.ProducerEpoch) != h.holder.ProducerEpoch || !m.Committed || m.Topics[0].Topic != hangingIn {
						t.Errorf("a marker was written: %+v", m)
					}
				}
				if ended := len(h.markers) > 0; ended != tt.ended {
					t.Errorf("ended: %v, want %v", ended, tt.ended)
				}
				h.mu.Unlock()
				if tt.ended {
					b.counted("out", 210)
				} else if strings.Contains(text, "task restored") {
					t.Errorf("the task did not wait:\n%s", text)
				}
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
