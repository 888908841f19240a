package faultproxy_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/pitwheel/pitwheel/integration/faultproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scene is a Kafka of three brokers, a proxy before it, and a client that knows only the proxy.
func scene(t *testing.T) (*kfake.Cluster, *faultproxy.Proxy, *kgo.Client) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(6, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	p, err := faultproxy.New(c.ListenAddrs()[:1])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(p.Addrs()...), kgo.ConsumeTopics("t"), kgo.ConsumerGroup("g"), kgo.DisableAutoCommit(),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseAllowingRebalance)
	return c, p, client
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func produce(t *testing.T, client *kgo.Client, n int) {
	t.Helper()
	for i := range n {
		if err := client.ProduceSync(within(t), &kgo.Record{Topic: "t", Key: []byte{byte(i)}, Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClientsMeetNoBroker has a client that was told of one broker's front find all others, the
// coordinators among them, and never a broker.
func TestClientsMeetNoBroker(t *testing.T) {
	c, _, client := scene(t)
	produce(t, client, 60)
	got := 0
	for got < 60 {
		fetches := client.PollFetches(within(t))
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		got += fetches.NumRecords()
	}
	if err := client.CommitUncommittedOffsets(within(t)); err != nil {
		t.Error(err)
	}
	admin := kadm.NewClient(client)
	brokers, err := admin.ListBrokers(within(t))
	if err != nil || len(brokers) != 3 {
		t.Fatalf("got %d brokers and %v, want 3", len(brokers), err)
	}
	for _, b := range brokers {
		if addr := net.JoinHostPort(b.Host, portText(b.Port)); slices.Contains(c.ListenAddrs(), addr) {
			t.Errorf("the client knows %s, which is a broker", addr)
		}
	}
}

func portText(port int32) string {
	_, text, _ := net.SplitHostPort((&net.TCPAddr{Port: int(port)}).String())
	return text
}

// TestWhatIsLost loses a request of one kind, and looks whether brokers have seen it and clients an
// answer.
func TestWhatIsLost(t *testing.T) {
	for _, how := range []faultproxy.How{faultproxy.LoseAnswer, faultproxy.LoseRequest, faultproxy.NoAnswer} {
		t.Run(how.String(), func(t *testing.T) {
			c, p, client := scene(t)
			produce(t, client, 1)
			var seen atomic.Int32
			c.ControlKey(int16(kmsg.CreateTopics), func(kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				seen.Add(1)
				return nil, nil, false
			})
			p.Lose(kmsg.CreateTopics, how, 1)
			ctx, cancel := context.WithTimeout(within(t), 2*time.Second)
			defer cancel()
			_, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, nil, "new")
			if how == faultproxy.NoAnswer {
				if !errors.Is(err, context.DeadlineExceeded) || seen.Load() != 1 {
					t.Errorf("got %v after %d requests, want no answer to 1", err, seen.Load())
				}
				return
			}
			// The client asks again. It meets a topic that is there where the broker has seen the first.
			want, requests := kerr.TopicAlreadyExists, int32(2)
			if how == faultproxy.LoseRequest {
				want, requests = nil, 1
			}
			if (want == nil) != (err == nil) || want != nil && !errors.Is(err, want) || seen.Load() != requests {
				t.Errorf("got %v after %d requests, want %v after %d", err, seen.Load(), want, requests)
			}
			if left := p.Heal(); left != 0 {
				t.Errorf("%d are still to be lost", left)
			}
		})
	}
}

func TestDelayAndReset(t *testing.T) {
	_, p, client := scene(t)
	produce(t, client, 1)
	const d = 150 * time.Millisecond
	p.Delay(d)
	began := time.Now()
	produce(t, client, 1)
	if took := time.Since(began); took < d {
		t.Errorf("it took %v, want at least %v", took, d)
	}
	p.Heal()
	if n := p.Reset(); n == 0 {
		t.Error("no connection was reset")
	}
	produce(t, client, 20)
}
