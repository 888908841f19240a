package reactor

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/record"
)

// route is where the records of an input partition go. A new one is made whenever the position
// moves, so that what was fetched before is known by its old route.
type route struct {
	partition record.Partition
	loop      *loop
	buffered  atomic.Int64 // bytes on the way or in the task
	end       atomic.Int64 // the last stable offset, as of the last fetch
	paused    atomic.Bool
}

// delivery is a fetch on its way to a loop.
type delivery struct {
	route *route
	kafka.Fetched
}

// inbox is what others leave for a loop.
type inbox struct {
	mu         sync.Mutex
	deliveries []delivery
	commands   []func(context.Context) error
	bell       chan struct{}
}

func (b *inbox) put(d delivery) {
	b.mu.Lock()
	b.deliveries = append(b.deliveries, d)
	b.mu.Unlock()
	b.ring()
}

// do has the loop run f, after the records that are already here.
func (b *inbox) do(f func(context.Context) error) {
	b.mu.Lock()
	b.commands = append(b.commands, f)
	b.mu.Unlock()
	b.ring()
}

func (b *inbox) ring() {
	select {
	case b.bell <- struct{}{}:
	default:
	}
}

func (b *inbox) take() (deliveries []delivery, commands []func(context.Context) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	deliveries, commands = b.deliveries, b.commands
	b.deliveries, b.commands = nil, nil
	return deliveries, commands
}
