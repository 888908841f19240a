package pitwheel

import (
	"time"

	"github.com/pitwheel/pitwheel/record"
)

// Restore is news of bringing state back: see Config.OnRestore.
type Restore struct {
	Task  record.TaskID
	Event RestoreEvent
	// Store is empty where the news is of the whole task. Then Topic and the offsets are not set.
	Store    string
	Topic    string        // that is replayed: the changelog, or the topic that stands for it
	From     int64         // the offset it began at
	Position int64         // the offset it has reached
	End      int64         // the offset it will reach
	Records  int64         // replayed so far
	Took     time.Duration // so far
}

// Done says that the task, with all its stores, is back.
func (r *Restore) Done() bool { return r.Store == "" && r.Event == RestoreDone }

// RestoreEvent is what has happened.
type RestoreEvent int

// The events, and the methods of Kafka's StateRestoreListener for them.
const (
	RestoreStarted   RestoreEvent = iota // onRestoreStart
	RestoreProgress                      // onBatchRestored
	RestoreDone                          // onRestoreEnd
	RestoreSuspended                     // onRestoreSuspended: the task was taken away, or restoring failed
)

// String is the event's name.
func (e RestoreEvent) String() string {
	return [...]string{"started", "progress", "done", "suspended"}[e]
}
