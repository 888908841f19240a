package pitwheel

import (
	"errors"
	"fmt"
	"time"

	"github.com/pitwheel/pitwheel/metrics"
)

// Health is whether an app works.
type Health struct {
	State     State
	Member    bool  // of its group
	Running   int   // tasks that process records
	Restoring int   // tasks that are being opened or restored
	Remaining int64 // offsets of changelogs that they have still to replay

	LastCommit time.Time // zero: none yet
	LastPoll   time.Time // when the consumer was last asked for records, which is once a second or more often; zero: not yet
	Stuck      error     // what has not moved for too long; nil: nothing
}

// ErrUnhealthy is wrapped by what Live and Ready return.
var ErrUnhealthy = errors.New("pitwheel: not healthy")

// Live is nil unless the app has failed, has ended or is stuck: an error means that it will not mend
// itself and should be started again. An app that waits for brokers or restores is live.
func (h Health) Live() error {
	switch {
	case h.State == Failed || h.State == Closed:
		return fmt.Errorf("%w: the app is %v", ErrUnhealthy, h.State)
	case h.Stuck != nil:
		return fmt.Errorf("%w: %w", ErrUnhealthy, h.Stuck)
	}
	return nil
}

// Ready is nil where the app is live, is a member of its group, and all tasks it was given process
// records.
func (h Health) Ready() error {
	if err := h.Live(); err != nil {
		return err
	}
	switch {
	case h.State == Rebalancing && h.Restoring > 0:
		return fmt.Errorf("%w: %d tasks are being restored, %d offsets remain", ErrUnhealthy, h.Restoring, h.Remaining)
	case h.State != Running:
		return fmt.Errorf("%w: the app is %v", ErrUnhealthy, h.State)
	case !h.Member:
		return fmt.Errorf("%w: the group has lost this instance, it is joining again", ErrUnhealthy)
	}
	return nil
}

// Health is whether the app works. It waits for nothing, so a handler of the user's may call it for
// each request.
func (a *App) Health() Health {
	h := Health{}
	if e := a.engine.Load(); e != nil {
		h.Member = e.Member()
	}
	s := a.Metrics()
	h.State, h.LastPoll = a.State(), s.LastPoll
	for i := range s.Tasks {
		if s.Tasks[i].State == "running" {
			h.Running++
			continue
		}
		h.Restoring++
		h.Remaining += s.Tasks[i].Restore.Remaining
	}
	for i := range s.Loops {
		if at := s.Loops[i].LastCommit; at.After(h.LastCommit) {
			h.LastCommit = at
		}
	}
	if h.State == Rebalancing || h.State == Running {
		h.Stuck = stuck(&s, a.config.StuckAfter)
	}
	return h
}

// stuck is what has not moved for that long.
func stuck(s *metrics.Snapshot, after time.Duration) error {
	var found error
	for i := range s.Loops {
		l := &s.Loops[i]
		if wait := s.At.Sub(l.Uncommitted); !l.Uncommitted.IsZero() && wait > after {
			found = errors.Join(found, fmt.Errorf("loop %d has records to commit since %v and does not commit them", l.Index, wait.Round(time.Millisecond)))
		}
	}
	if wait := s.At.Sub(s.LastPoll); !s.LastPoll.IsZero() && wait > max(after, pollTimeMax) {
		found = errors.Join(found, fmt.Errorf("no records were asked for since %v", wait.Round(time.Millisecond)))
	}
	return found
}

// pollTimeMax is far above how long a poll takes while nothing comes.
const pollTimeMax = 10 * time.Second
