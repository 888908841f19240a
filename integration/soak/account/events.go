package account

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// What the application is asked to do. Its topology has the same numbers, said once more there.
const (
	WindowMillis = 10_000 // of the tumbling windows
	GraceMillis  = 5_000
	Groups       = 97 // of the tally behind the second repartition topic
	tallyOneIn   = 4  // one event in so many is tallied
	lagMillis    = 3_000

	updatesKept = 30 * 60_000 // how long the two window stores keep a window, from its start
	closingKept = 60_000
)

// Event is a record of the input.
type Event struct {
	Key       string
	Number    int64 // what stands in the value
	At        int64 // event time, in milliseconds since the epoch
	Partition int32
	key       int32
}

// Events makes the input, always the same from the same seed.
type Events struct {
	seed       uint64
	rand       *rand.Rand
	keys       []string
	partitions []int32 // by key
	sent       []int64 // by key: how many
	begin      int64   // event time of the first
	made       int64
	perMilli   int64 // events in a millisecond of event time
}

// NewEvents makes a source of that many keys. Event time begins at begin, in milliseconds since the
// epoch, and goes on by a millisecond every perMilli events.
func NewEvents(seed uint64, keys int, partitions int32, begin, perMilli int64) *Events {
	e := &Events{
		seed: seed, rand: rand.New(rand.NewPCG(seed, 1)), begin: begin, perMilli: perMilli,
		keys: make([]string, keys), partitions: make([]int32, keys), sent: make([]int64, keys),
	}
	for i := range e.keys {
		e.keys[i] = fmt.Sprintf("k%d", i)
		e.partitions[i] = PartitionOf([]byte(e.keys[i]), partitions)
	}
	return e
}

// Made is how many events there are.
func (e *Events) Made() int64 { return e.made }

// Next is one event more: some keys come often and most seldom, and times are a little out of order,
// but never by more than the windows' grace.
func (e *Events) Next() Event {
	n := len(e.keys)
	key := e.rand.IntN(n)
	if e.rand.IntN(4) == 0 {
		key = e.rand.IntN(1 + n/50)
	}
	at := e.begin + e.made/e.perMilli
	if e.rand.IntN(3) == 0 {
		at -= e.rand.Int64N(lagMillis)
	}
	e.made++
	e.sent[key]++
	return e.event(int32(key), e.sent[key]-1, at)
}

// Last is an event of the partition that closes every window so far, or false where no key is of it.
func (e *Events) Last(partition int32) (Event, bool) {
	for key, p := range e.partitions {
		if p == partition {
			e.sent[key]++
			return e.event(int32(key), e.sent[key]-1, e.begin+e.made/e.perMilli+2*WindowMillis+GraceMillis), true
		}
	}
	return Event{}, false
}

// Skip moves event time on behind what Last gave, so that no later event is late.
func (e *Events) Skip() {
	e.begin += 4*WindowMillis + GraceMillis
}

func (e *Events) event(key int32, i, at int64) Event {
	return Event{Key: e.keys[key], Number: numberOf(e.seed, key, i), At: at, Partition: e.partitions[key], key: key}
}

// numberOf is what stands in the i-th event of a key.
func numberOf(seed uint64, key int32, i int64) int64 {
	x := seed ^ uint64(key)<<40 ^ uint64(i)
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return int64((x ^ x>>31) >> 1) // not negative
}

// Value is an event's value as it stands in the topic.
func (e Event) Value() []byte { return binary.BigEndian.AppendUint64(nil, uint64(e.Number)) }

// PartitionOf is the partition of a key: murmur2, as in Kafka's default partitioner.
func PartitionOf(key []byte, partitions int32) int32 {
	return int32(murmur2(key)&0x7fffffff) % partitions
}

func murmur2(data []byte) uint32 {
	const m = 0x5bd1e995
	h := uint32(0x9747b28c) ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * m
		k = (k ^ k>>24) * m
		h = h*m ^ k
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(data[0])) * m
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}
