package kafka

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/record"
)

// recordPools is what fetches decode into: all of a client's record but the bytes is copied into a record.Raw at
// once, so it serves the next fetch. The bytes are the answer's, which stay for as long as anybody has them: they
// are not pooled.
type recordPools struct{}

var (
	_ kgo.PoolRecords = recordPools{}

	clientRecords slicePool[kgo.Record]
	rawRecords    slicePool[record.Raw]
)

func (recordPools) GetRecords(n int) []kgo.Record   { return clientRecords.get(n) }
func (recordPools) PutRecords(records []kgo.Record) { clientRecords.put(records) }

// Recycle takes back a Fetched.Records which nobody looks at any more; their keys, values and headers may be
// kept.
func Recycle(records []record.Raw) {
	records = records[:cap(records)]
	clear(records) // what they point to is not kept alive by the pool
	rawRecords.put(records)
}

// slicePool keeps slices of one type. A batch of a topic is about as long as the one before, so a slice that
// is too short is dropped.
type slicePool[T any] struct{ pool sync.Pool }

// get is a slice without elements and at least that capacity.
func (p *slicePool[T]) get(n int) []T {
	if s, ok := p.pool.Get().(*[]T); ok && cap(*s) >= n {
		return (*s)[:0]
	}
	return make([]T, 0, n)
}

func (p *slicePool[T]) put(s []T) { p.pool.Put(&s) }
