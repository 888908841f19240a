package kafka

import (
	"context"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/record"
)

// A restore that nothing comes to must know whether nothing is there.
func TestSilentIsTheLeadersWord(t *testing.T) {
	of := record.Partition{Topic: "out"}
	begin := func(f *fake, p *Producer, values ...string) {
		f.t.Helper()
		p.mustProduce(f.t, "out", values...)
		if err := p.Flush(limited(f.t)); err != nil {
			f.t.Fatal(err)
		}
	}
	must := func(f *fake, err error) {
		f.t.Helper()
		if err != nil {
			f.t.Fatal(err)
		}
	}
	tests := []struct {
		name     string
		prepare  func(f *fake, p *Producer)
		from, to int64
		want     bool
	}{
		{"a record", func(f *fake, p *Producer) { f.fill("out", "a") }, 0, 1, false},
		{"behind the last record", func(f *fake, p *Producer) { f.fill("out", "a") }, 1, 1, true},
		{"a committed record", func(f *fake, p *Producer) {
			begin(f, p, "a")
			must(f, p.Commit(limited(f.t), nobody, f.offset(1, "")))
		}, 0, 2, false},
		{"a marker", func(f *fake, p *Producer) {
			begin(f, p, "a")
			must(f, p.Commit(limited(f.t), nobody, f.offset(1, "")))
		}, 1, 2, true},
		{"aborted records and markers", func(f *fake, p *Producer) {
			for range 3 {
				begin(f, p, "a", "b")
				must(f, p.Abort(limited(f.t)))
			}
		}, 0, 9, true},
		{"aborted records with a committed one among them", func(f *fake, p *Producer) {
			begin(f, p, "a")
			must(f, p.Abort(limited(f.t)))
			f.fill("out", "b")
			begin(f, p, "c")
			must(f, p.Abort(limited(f.t)))
		}, 0, 5, false},
		{"a transaction that is not decided", func(f *fake, p *Producer) { begin(f, p, "a") }, 0, 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, 1, "in", "out")
			tt.prepare(f, f.producer("id"))
			r := f.reader(of, tt.from)
			got, err := r.Silent(limited(t), of, tt.from, tt.to)
			if err != nil || got != tt.want {
				t.Errorf("Silent = %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestSilenceOfTheBrokersIsNotTheLeadersWord(t *testing.T) {
	f := newFake(t, 1, "in", "out")
	f.fill("out", "a")
	of := record.Partition{Topic: "out"}
	r := f.reader(of, 0)
	f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: "out", Err: kerr.NotLeaderForPartition, Count: -1})
	if got, err := r.Silent(limited(t), of, 0, 1); got || !errors.Is(err, kerr.NotLeaderForPartition) {
		t.Errorf("Silent = %v, %v, want NOT_LEADER_FOR_PARTITION", got, err)
	}
	f.outage.Store(true)
	ctx, cancel := context.WithCancel(limited(t))
	cancel()
	if got, err := r.Silent(ctx, of, 0, 1); got || err == nil {
		t.Errorf("Silent = %v, %v during an outage", got, err)
	}
}

// reader is one of the partition that knows its leader.
func (f *fake) reader(of record.Partition, from int64) *Reader {
	f.t.Helper()
	r, err := NewReader(f.config, map[record.Partition]int64{of: from})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(r.Close)
	for ctx := limited(f.t); ; wait(ctx, 1e6) {
		if leader, _, err := r.client.PartitionLeader(of.Topic, of.ID); err == nil && leader >= 0 {
			return r
		}
		if ctx.Err() != nil {
			f.t.Fatal("no leader")
		}
	}
}
