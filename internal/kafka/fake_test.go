package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
)

// fake is a cluster in this process. It runs in a synctest bubble too: its network is a pipe.
type fake struct {
	*kfake.Cluster
	t      *testing.T
	config Config
	outage atomic.Bool // while set, answers are lost and connections refused
}

func newFake(t *testing.T, partitions int32, topics ...string) *fake {
	t.Helper()
	var network kfake.VirtualNetwork
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(network.Listen), kfake.SeedTopics(partitions, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	f := &fake{Cluster: c, t: t}
	f.config = Config{Brokers: c.ListenAddrs(), ClientID: "test", Logger: quiet, Dial: func(ctx context.Context, kind, host string) (net.Conn, error) {
		if f.outage.Load() {
			return nil, errors.New("connection refused")
		}
		conn, err := network.DialContext(ctx, kind, host)
		return &losing{conn, &f.outage}, err
	}}
	return f
}

// losing is a connection whose answers are lost during an outage.
type losing struct {
	net.Conn
	outage *atomic.Bool
}

func (l *losing) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if err == nil && l.outage.Load() {
		_ = l.Close()
		return 0, io.EOF
	}
	return n, err
}

// outageAtEnd begins an outage with the next request that ends a transaction by a commit. done says
// whether the broker gets to do it.
func (f *fake) outageAtEnd(done bool) {
	begun := false
	f.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		if begun {
			return nil, nil, false
		}
		begun = true
		f.outage.Store(true)
		if done {
			return nil, nil, false
		}
		return nil, errors.New("lost"), true
	})
}

// limited is a context for what must not take long.
func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (f *fake) admin() *Admin {
	f.t.Helper()
	a, err := NewAdmin(f.config)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(a.Close)
	return a
}

// producer is one of group "app"; an empty id makes one without transactions.
func (f *fake) producer(id string) *Producer {
	f.t.Helper()
	p, err := NewProducer(limited(f.t), f.config, ProducerConfig{Group: "app", TransactionalID: id, Timeout: 10 * time.Second})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(p.Close)
	return p
}

func (p *Producer) mustProduce(t *testing.T, topic string, values ...string) *Ack {
	t.Helper()
	ack := p.NewAck()
	for _, v := range values {
		out := processor.Output{Topic: &processor.Topic{Name: topic, Partitions: 1}, Value: []byte(v), Time: 1}
		if err := p.Produce(limited(t), &out, ack); err != nil {
			t.Fatal(err)
		}
	}
	return ack
}

// fill writes values into a topic's first partition, outside of any transaction.
func (f *fake) fill(topic string, values ...string) {
	f.t.Helper()
	p := f.producer("")
	p.mustProduce(f.t, topic, values...)
	if err := p.Flush(limited(f.t)); err != nil {
		f.t.Fatal(err)
	}
}

// committed are the values in the topic's first partition that a read_committed consumer sees.
func (f *fake) committed(topic string) []string {
	f.t.Helper()
	of := record.Partition{Topic: topic}
	end, err := f.admin().StableEnds(limited(f.t), []record.Partition{of})
	if err != nil {
		f.t.Fatal(err)
	}
	values := []string{}
	f.read(of, 0, end[of], func(got Fetched) {
		for i := range got.Records {
			values = append(values, string(got.Records[i].Value))
		}
	})
	return values
}

// read reads a partition from one offset to another.
func (f *fake) read(of record.Partition, from, to int64, each func(Fetched)) {
	f.t.Helper()
	r, err := NewReader(f.config, map[record.Partition]int64{of: from})
	if err != nil {
		f.t.Fatal(err)
	}
	defer r.Close()
	ctx := limited(f.t)
	for at := from; at < to; {
		err := r.Poll(ctx, func(got Fetched) {
			at = got.Next
			each(got)
		})
		if err != nil || ctx.Err() != nil {
			f.t.Fatalf("read %v: at %d of %d: %v", of, at, to, err)
		}
	}
}

// joined is a consumer of the topics that is a member of group "app", and its assignments.
type joined struct {
	*Consumer
	assigned chan []record.Partition
	revoked  chan []record.Partition
	lost     chan []record.Partition
}

func (f *fake) join(instance string, leave bool, topics ...string) *joined {
	f.t.Helper()
	j := &joined{
		assigned: make(chan []record.Partition, 16), revoked: make(chan []record.Partition, 16), lost: make(chan []record.Partition, 16),
	}
	tell := func(c chan []record.Partition) func(context.Context, []record.Partition) {
		return func(_ context.Context, of []record.Partition) { c <- of }
	}
	c, err := NewConsumer(f.config, ConsumerConfig{
		Group: "app", InstanceID: instance, Topics: topics, Balancer: BalancerConfig{Tasks: stateless(topics)}, Leave: leave,
		SessionTimeout: 10 * time.Second,
		Assigned:       func(_ context.Context, a Assignment) { j.assigned <- a.Partitions },
		Revoked:        tell(j.revoked), Lost: tell(j.lost),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	j.Consumer = c
	return j
}

// next waits for what a callback tells.
func next(t *testing.T, c chan []record.Partition) []record.Partition {
	t.Helper()
	select {
	case of := <-c:
		return of
	case <-limited(t).Done():
		t.Fatal("nothing was told")
		return nil
	}
}

// commitStart commits offset 0 of the topic's first partition.
func (f *fake) commitStart(topic string) {
	f.t.Helper()
	info, err := f.admin().Topics(limited(f.t), []string{topic})
	if err != nil {
		f.t.Fatal(err)
	}
	err = f.producer("").Commit(limited(f.t), nobody, []Offset{{Partition: record.Partition{Topic: topic}, TopicID: info[topic].ID}})
	if err != nil {
		f.t.Fatal(err)
	}
}

// offset of the first partition of topic "in", with metadata.
func (f *fake) offset(at int64, metadata string) []Offset {
	f.t.Helper()
	info, err := f.admin().Topics(limited(f.t), []string{"in"})
	if err != nil {
		f.t.Fatal(err)
	}
	return []Offset{{Partition: record.Partition{Topic: "in"}, TopicID: info["in"].ID, At: at, Metadata: metadata}}
}

// offsetOf is what the group has committed for the first partition of topic "in".
func (f *fake) offsetOf() string {
	f.t.Helper()
	of := record.Partition{Topic: "in"}
	got, err := f.admin().Committed(limited(f.t), "app", []record.Partition{of})
	if err != nil {
		f.t.Fatal(err)
	}
	if c, ok := got[of]; ok {
		return fmt.Sprintf("%d %s", c.Offset, c.Metadata)
	}
	return "none"
}

// plain is a client of the test's own.
func (f *fake) plain(opts ...kgo.Opt) *kgo.Client {
	f.t.Helper()
	client, err := kgo.NewClient(f.config.options(opts...)...)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(client.Close)
	return client
}
