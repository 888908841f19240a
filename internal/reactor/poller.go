package reactor

import (
	"context"
	"sync"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/record"
)

// poller is the goroutine that fetches: it alone polls and moves positions, because a poll under
// way may still return what stood before a move.
type poller struct {
	engine *Engine
	routes map[record.Partition]*route

	mu       sync.Mutex
	commands []func()
	cancel   context.CancelFunc // of the poll under way
}

// pollTime is how long a poll waits for records, so that it can be seen that polls go on.
const pollTime = time.Second

// run polls until ctx ends. An error is final.
func (p *poller) run(ctx context.Context) error {
	for ctx.Err() == nil {
		pollCtx, cancel := context.WithTimeout(ctx, pollTime)
		p.mu.Lock()
		commands := p.commands
		p.commands, p.cancel = nil, cancel
		p.mu.Unlock()
		for _, f := range commands {
			f()
		}
		p.engine.member.Store(p.engine.consumer.Member().Joined())
		p.engine.polled.Store(time.Now().UnixNano())
		if len(commands) == 0 {
			if err := p.engine.consumer.Poll(pollCtx, p.deliver); err != nil {
				cancel()
				return err
			}
		}
		cancel()
	}
	return nil
}

// do runs f between two polls.
func (p *poller) do(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.commands = append(p.commands, f)
	if p.cancel != nil {
		p.cancel()
	}
}

// deliver hands a fetch to its loop, and pauses the partition if too much of it is waiting there.
func (p *poller) deliver(f kafka.Fetched) {
	r := p.routes[f.Partition]
	if r == nil {
		return
	}
	r.end.Store(f.End)
	if r.buffered.Add(int64(f.Bytes)) > p.engine.highWater() && r.paused.CompareAndSwap(false, true) {
		p.engine.consumer.Pause([]record.Partition{f.Partition})
	}
	r.loop.inbox.put(delivery{route: r, Fetched: f})
}

// start fetches a task's inputs from its positions on.
func (p *poller) start(r *running) {
	at := map[record.Partition]int64{}
	var routes []*route
	for _, in := range r.task.inputs {
		at[in.partition] = in.next
		routes = append(routes, r.routes[in.partition])
	}
	p.seek(at, routes)
}

// seek moves positions; what is fetched from there on goes along the new routes.
func (p *poller) seek(to map[record.Partition]int64, routes []*route) {
	p.do(func() {
		of := make([]record.Partition, 0, len(routes))
		for _, r := range routes {
			p.routes[r.partition] = r
			of = append(of, r.partition)
		}
		p.engine.consumer.Seek(to)
		p.engine.consumer.Resume(of)
	})
}

// resume goes on with a partition that was paused.
func (p *poller) resume(of record.Partition) {
	p.do(func() { p.engine.consumer.Resume([]record.Partition{of}) })
}

// halt forgets partitions of a task that is opened anew, and fetches nothing of them until then.
func (p *poller) halt(of []record.Partition) {
	p.drop(of)
	p.do(func() { p.engine.consumer.Pause(of) })
}

// drop forgets partitions that were given up.
func (p *poller) drop(of []record.Partition) {
	p.do(func() {
		for _, partition := range of {
			delete(p.routes, partition)
		}
	})
}
