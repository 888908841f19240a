package crashpoint

import (
	"bytes"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/internal/reactor"
	"github.com/pitwheel/pitwheel/record"
)

// fault is what is done to an instance at a step: one of these.
type fault struct {
	name   string
	before bool                                                  // it dies before the step
	after  bool                                                  // it dies behind the step
	fate   fate                                                  // of a request
	err    *kerr.Error                                           // the broker's answer to a request
	times  int                                                   // so many requests in a row; 0: one
	disk   func(t *trap, l *life, path string, write bool) error // of each operation of the disk
	dies   bool                                                  // of what its disk does
	hinder func(l *life) (end func())                            // puts something in its way
}

// kills says whether the instance dies of it.
func (f *fault) kills() bool {
	return f.before || f.after || f.fate == killsBefore || f.fate == killsAfter || f.dies
}

// trap is a fault that waits at a step.
type trap struct {
	step  reactor.Step
	task  *record.TaskID   // of a restore; nil: any
	key   kmsg.Key         // of the request
	ready func(*life) bool // nil: at once
	fault fault

	hits    atomic.Int64
	writes  atomic.Int64
	answers []*kfake.FaultHandle // by the broker
	end     func()
}

// opens says whether this is the moment that the trap waits for.
func (t *trap) opens(l *life, m reactor.Moment) bool {
	return m.Step == t.step && (t.task == nil || *t.task == m.Task) && (t.ready == nil || t.ready(l))
}

func (t *trap) open(l *life) {
	switch f := &t.fault; {
	case f.before:
		t.hits.Add(1)
		l.kill()
	case f.hinder != nil:
		t.hits.Add(1)
		t.end = f.hinder(l)
	case f.disk != nil:
		disk := l.of.disk
		disk.Fault(func(path string, write bool) error { return f.disk(t, l, path, write) })
		t.end = func() { disk.Fault(nil) }
	}
}

// done is behind the step, which has succeeded.
func (t *trap) done(l *life) {
	if t.fault.after {
		t.hits.Add(1)
		l.kill()
	}
}

func (t *trap) close() {
	if t.end != nil {
		t.end()
	}
}

// meet says what becomes of a request of the step.
func (t *trap) meet(l *life, r kmsg.Request) fate {
	f := &t.fault
	if kmsg.Key(r.Key()) != t.key || f.fate == delivered && f.err == nil || t.hits.Load() >= int64(max(f.times, 1)) {
		return delivered
	}
	if m, ok := r.(*kmsg.MetadataRequest); ok && f.err != nil && len(m.Topics) == 0 {
		return delivered // it asks for the brokers alone
	}
	t.hits.Add(1)
	if f.err != nil {
		if join, ok := r.(*kmsg.JoinGroupRequest); ok {
			join.RebalanceTimeoutMillis = rebalanceMillis // as the cluster will see it
		}
		sent := r.AppendTo(nil)
		t.answers = append(t.answers, l.stage.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{t.key}, Err: f.err, When: func(got kmsg.Request) bool {
			return bytes.Equal(got.AppendTo(nil), sent)
		}}))
	}
	return f.fate
}

// met is how often the fault happened.
func (t *trap) met() int64 {
	if t.fault.err == nil {
		return t.hits.Load()
	}
	n := int64(0)
	for _, h := range t.answers {
		n += int64(h.Hits())
	}
	return n
}
