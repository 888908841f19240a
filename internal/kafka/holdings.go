package kafka

import (
	"encoding/binary"
	"math/bits"

	"github.com/pitwheel/pitwheel/record"
)

// Level is how much of a task's changelogs a member would have to replay: the number of bits of the
// number of records. So coarse, it is mostly the same when a member joins again.
type Level byte

const (
	// unknownLevel is of a member that does not say.
	unknownLevel Level = 64
	// caughtUpLevel is the most that still counts as caught up: fewer than 8192 records. Kafka:
	// acceptable.recovery.lag, 10000 by default.
	caughtUpLevel Level = 13
)

// LevelOf is the level of so many missing records.
func LevelOf(missing int64) Level { return Level(bits.Len64(uint64(max(missing, 0)))) }

// CaughtUp says whether the task could be taken over at once.
func (l Level) CaughtUp() bool { return l <= caughtUpLevel }

// Holding is what a member has of a task's state.
type Holding struct {
	Level Level
	Warm  bool // it is open here, as a standby's
}

// Holdings are what a member has of each task with state: by subtopology, then by partition. What is
// not in it is unknown. The format is in docs/format/membership.md.
type Holdings [][]Holding

// Set notes a holding.
func (h *Holdings) Set(of record.TaskID, holding Holding) {
	for int(of.Subtopology) >= len(*h) {
		*h = append(*h, nil)
	}
	row := &(*h)[of.Subtopology]
	for int(of.Partition) >= len(*row) {
		*row = append(*row, Holding{Level: unknownLevel})
	}
	(*row)[of.Partition] = holding
}

// Of is what is held of a task.
func (h Holdings) Of(task record.TaskID) Holding {
	if int(task.Subtopology) < len(h) && int(task.Partition) < len(h[task.Subtopology]) {
		return h[task.Subtopology][task.Partition]
	}
	return Holding{Level: unknownLevel}
}

const (
	userDataVersion = 1
	warmBit         = 0x80
)

// Encode is the user data of a member that joins.
func (h Holdings) Encode() []byte {
	data := binary.AppendUvarint([]byte{userDataVersion}, uint64(len(h)))
	for _, row := range h {
		data = binary.AppendUvarint(data, uint64(len(row)))
		for _, holding := range row {
			b := byte(holding.Level)
			if holding.Warm {
				b |= warmBit
			}
			data = append(data, b)
		}
	}
	return data
}

// DecodeHoldings reads user data. What it does not know, another version's or another program's, says
// nothing: the member is then one that holds nothing.
func DecodeHoldings(data []byte) Holdings {
	if len(data) == 0 || data[0] != userDataVersion {
		return nil
	}
	rest := data[1:]
	count, ok := takeCount(&rest)
	if !ok {
		return nil
	}
	h := make(Holdings, count)
	for i := range h {
		n, ok := takeCount(&rest)
		if !ok {
			return nil
		}
		for _, b := range rest[:n] {
			h[i] = append(h[i], Holding{Level: min(Level(b&^warmBit), unknownLevel), Warm: b&warmBit != 0})
		}
		rest = rest[n:]
	}
	if len(rest) > 0 {
		return nil
	}
	return h
}

// takeCount takes a number of things that are still to come, each a byte at least.
func takeCount(rest *[]byte) (int, bool) {
	n, size := binary.Uvarint(*rest)
	if size <= 0 || n > uint64(len(*rest)-size) {
		return 0, false
	}
	*rest = (*rest)[size:]
	return int(n), true
}
