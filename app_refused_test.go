package pitwheel_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/topology"
)

const poison = "poison"

// refusePoison has the broker refuse every batch with a poisoned value, as brokers refuse one that is
// not valid for its topic: the whole batch, and here what comes in the same request too.
func (b *broker) refusePoison() {
	decompressor := kgo.DefaultDecompressor()
	b.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		request := r.(*kmsg.ProduceRequest)
		poisoned := false
		for _, topic := range request.Topics {
			for _, p := range topic.Partitions {
				var batch kmsg.RecordBatch
				if err := batch.ReadFrom(p.Records); err != nil {
					return nil, err, true
				}
				plain, err := decompressor.Decompress(batch.Records, kgo.CompressionCodecType(batch.Attributes&7))
				if err != nil {
					return nil, err, true
				}
				poisoned = poisoned || bytes.Contains(plain, []byte(poison))
			}
		}
		if !poisoned {
			return nil, nil, false
		}
		response := request.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range request.Topics {
			of := kmsg.NewProduceResponseTopic()
			of.Topic, of.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				refused := kmsg.NewProduceResponseTopicPartition()
				refused.Partition, refused.ErrorCode = p.Partition, kerr.InvalidRecord.Code
				of.Partitions = append(of.Partitions, refused)
			}
			response.Topics = append(response.Topics, of)
		}
		return response, nil, true
	})
}

// copyAndCount copies values to "copies", where poison is refused, and counts all of them.
func copyAndCount(b *topology.Builder) {
	s := b.Stream(words)
	s.MapValues(func(_, v string) string { return strings.ReplaceAll(v, "bad", poison) }).To(texts("copies"), topology.Name("copy"))
	s.GroupByKey().Count(topology.As("seen")).ToStream().To(counts)
}

// values reads the topic as a read_committed consumer until n values were read, and the headers of
// each.
func (b *broker) values(topic string, n int) (values []string, headers []map[string]string) {
	b.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.ListenAddrs()...), kgo.ConsumeTopics(topic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond))
	if err != nil {
		b.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for len(values) < n && ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			values = append(values, string(r.Value))
			of := map[string]string{}
			for _, h := range r.Headers {
				of[h.Key] = string(h.Value)
			}
			headers = append(headers, of)
		})
	}
	if len(values) < n {
		b.t.Fatalf("topic %q: gave up after %d values, want %d", topic, len(values), n)
	}
	return values, headers
}

// word is the i-th record of the tests below: every 97th is refused.
func word(i int) (key, value string) {
	if i%97 == 50 {
		return fmt.Sprint("k", i%7), fmt.Sprint("bad ", i)
	}
	return fmt.Sprint("k", i%7), fmt.Sprint("good ", i)
}

// What a broker refuses is let pass by policy, and nothing else is: under exactly-once all other
// records are there once, in order, with what is counted of them.
func TestRefusedRecordsAreLetPassByPolicy(t *testing.T) {
	const n = 1000
	var good, bad []string
	want := map[string]int64{}
	for i := range n {
		key, value := word(i)
		want[key]++
		if strings.HasPrefix(value, "bad") {
			bad = append(bad, value)
		} else {
			good = append(good, value)
		}
	}
	for name, guarantee := range map[string]pitwheel.Guarantee{"exactly once": pitwheel.ExactlyOnce, "at least once": pitwheel.AtLeastOnce} {
		for policy, of := range map[string]topology.ErrorPolicy{"skip": topology.Skip(), "dead letter": topology.DeadLetter("dead")} {
			t.Run(name+", "+policy, func(t *testing.T) {
				b := newBroker(t, 1, "words", "copies", "counts", "dead")
				b.produce("words", n, word)
				b.refusePoison()
				c := b.config(t)
				c.Guarantee, c.OnError.Produce = guarantee, of
				app, stop := start(t, planOf(t, copyAndCount), c)
				await(t, "all refused records to be let pass", func() bool { return app.Metrics().Dropped["produce"] == int64(len(bad)) })
				await(t, "all records to be processed", func() bool { return app.Metrics().Processed == n })
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				copies, _ := b.values("copies", len(good))
				if guarantee == pitwheel.AtLeastOnce {
					copies = firstOf(copies)
					slices.SortFunc(copies, byNumber)
				} else {
					b.checkSequences("counts", want)
				}
				if diff := cmp.Diff(good, copies); diff != "" {
					t.Errorf("copies (-want +got):\n%s", diff)
				}
				if of.Topic != "" {
					letters, headers := b.values("dead", len(bad))
					if guarantee == pitwheel.AtLeastOnce {
						letters = firstOf(letters)
					}
					if diff := cmp.Diff(bad, letters); diff != "" {
						t.Errorf("dead letters (-want +got):\n%s", diff)
					}
					checkLetter(t, headers[0], map[string]string{
						"__streams.errors.topic": "words", "__streams.errors.partition": "0", "__streams.errors.offset": "50",
						"pitwheel.errors.reason": "produce", "pitwheel.errors.step": "copy",
					}, `topic "copies"`, "INVALID_RECORD")
				}
			})
		}
	}
}

// firstOf are the values without those that came before.
func firstOf(values []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(values, func(v string) bool {
		again := seen[v]
		seen[v] = true
		return again
	})
}

func byNumber(a, b string) int {
	number := func(s string) int {
		_, digits, _ := strings.Cut(s, " ")
		n, _ := strconv.Atoi(digits)
		return n
	}
	return number(a) - number(b)
}

func checkLetter(t *testing.T, headers, want map[string]string, message ...string) {
	t.Helper()
	for key, value := range want {
		if headers[key] != value {
			t.Errorf("header %s is %q, want %q", key, headers[key], value)
		}
	}
	for _, part := range message {
		if !strings.Contains(headers["__streams.errors.message"], part) {
			t.Errorf("the message %q does not say %q", headers["__streams.errors.message"], part)
		}
	}
}

// Where the policy is to fail, which is the default, the record that came to be refused is named, and
// nothing of its commit is visible.
func TestRefusedRecordFailsTheAppByDefault(t *testing.T) {
	b := newBroker(t, 1, "words", "copies", "counts")
	b.produce("words", 60, word)
	b.refusePoison()
	why := failure(t, planOf(t, copyAndCount), b.config(t))
	for _, part := range []string{`topic "words" partition 0 offset 50`, `step "copy"`, `topic "copies"`, "INVALID_RECORD", "set an error policy"} {
		if !strings.Contains(why, part) {
			t.Errorf("got %q, want %q in it", why, part)
		}
	}
	if strings.Contains(why, poison) {
		t.Errorf("error %q gives the value away", why)
	}
}

// failure runs an app until it fails, and says why.
func failure(t *testing.T, plan *topology.Plan, c pitwheel.Config) string {
	t.Helper()
	app, err := pitwheel.New(plan, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err = app.Run(ctx)
	if err == nil {
		t.Fatal("the app did not fail")
	}
	return err.Error()
}
