package metrics

import (
	"time"

	"github.com/pitwheel/pitwheel/record"
)

// Snapshot is what an app has counted and measured.
type Snapshot struct {
	At          time.Time
	Application string
	Instance    string // empty before Run
	State       string // of the app, such as "running"

	Totals                 // of all tasks since Run, those given up included
	StreamTime record.Time // the highest of all tasks; -1: none yet
	Commits    int64       // of all loops
	Aborts     int64       // commits that were not, and were done again

	TasksOpened int64 // that were given to this instance
	TasksClosed int64 // that were given up
	Rebalances  int64
	LastPoll    time.Time // when the consumer was last asked for records; zero: not yet

	BufferedBytes   int64 // of records fetched and not processed
	CacheBytes      int64 // of the write-back caches
	CacheBytesMax   int64 // their budget
	BlockCacheBytes int64 // of Pebble's block cache

	Loops []Loop
	Tasks []Task // those given to this instance, by id

	Standbys []Standby // the copies that it keeps, by id
}

// Totals count records, as of the last commit.
type Totals struct {
	Processed    int64            // read, and processed or dropped
	Produced     int64            // put out to topics, dead letters included, changelogs not
	DeadLettered int64            // written to a dead-letter topic
	Dropped      map[string]int64 // by reason: "late", "null_key", "decode_value" ...; a record may count in several steps

	Punctuations int64         // calls of what is scheduled
	Punctuating  time.Duration // spent in them

	// Lateness is by how much records were behind the stream time of their task, all together, and
	// LatenessMax the most that one was. Kafka: record-lateness.
	Lateness, LatenessMax time.Duration
}

// Add adds those of others.
func (t *Totals) Add(o *Totals) {
	t.Processed += o.Processed
	t.Produced += o.Produced
	t.DeadLettered += o.DeadLettered
	t.Punctuations += o.Punctuations
	t.Punctuating += o.Punctuating
	t.Lateness += o.Lateness
	t.LatenessMax = max(t.LatenessMax, o.LatenessMax)
	for reason, n := range o.Dropped {
		if t.Dropped == nil {
			t.Dropped = map[string]int64{}
		}
		t.Dropped[reason] += n
	}
}

// Standby is a copy of a task's state.
type Standby struct {
	ID  record.TaskID
	Lag int64 // offsets of its changelogs still to be read, about
}

// Loop is a loop's part.
type Loop struct {
	Index           int
	Tasks           int
	Commits, Aborts int64
	CommitLatency   Histogram
	Processing      time.Duration // spent in turns of tasks
	LastCommit      time.Time     // zero: none yet
	Uncommitted     time.Time     // since when something waits to be committed; zero: nothing does
}

// Task is a task's part.
type Task struct {
	ID    record.TaskID
	State string // "created", "restoring" or "running"
	Loop  int

	Totals
	StreamTime record.Time // -1: none yet
	Processing time.Duration
	Restore    Restore
	Disk       Disk

	Inputs []Input
	Steps  []Step // those that dropped something; all, if Config.StepMetrics is set
	Stores []Store
}

// Input is an input partition of a task.
type Input struct {
	Topic         string
	Partition     int32
	Consumed      int64 // records processed or dropped
	Position      int64 // the committed offset
	End           int64 // the last stable offset that is known: as of the last fetch
	BufferedBytes int64 // fetched and not processed
}

// Lag is how many offsets are still to be processed and committed. Kafka: records-lag.
func (i *Input) Lag() int64 { return max(i.End-i.Position, 0) }

// Step is a step of the topology in a task.
type Step struct {
	Name    string
	Counted bool             // whether In and Out are
	In      int64            // records, or updates of a table, that came to it
	Out     int64            // handed to the steps behind it, once for each of them
	Dropped map[string]int64 // by reason
}

// Store is a store of a task.
type Store struct {
	Name        string
	CacheHits   int64 // look-ups that the write-back cache answered, absent rows included
	CacheMisses int64 // look-ups that had to go to the store below it
	CacheBytes  int64
	Expired     int64 // writes dropped because their window was past its retention
}

// Restore is how far a task's state is being, or was, brought back.
type Restore struct {
	Records   int64         // changelog records replayed
	Remaining int64         // offsets still to be read; 0 once it is done
	Took      time.Duration // until now or until its end
}

// Rate is in records a second.
func (r *Restore) Rate() float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(r.Records) / r.Took.Seconds()
}

// Disk is a task's local state on disk; zero for one in memory.
type Disk struct {
	TableBytes     int64 // of Pebble's tables
	MemTableBytes  int64 // of its memtables
	UnflushedBytes int64 // applied and not on disk: what a crash would have replayed
}
