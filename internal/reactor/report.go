package reactor

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/pitwheel/pitwheel/metrics"
	"github.com/pitwheel/pitwheel/record"
)

// published is what a loop leaves for others to read, who never hold it up.
type published struct {
	report      atomic.Pointer[report] // nil: none yet
	committed   atomic.Int64           // when the last commit was, Unix nanoseconds; 0: none yet
	uncommitted atomic.Int64           // since when something waits to be committed; 0: nothing does

	// The loop's own.
	at      time.Time // of the report
	latency metrics.Histogram
	busy    time.Duration  // spent in turns
	closed  metrics.Totals // of tasks that were given up
}

// report is immutable.
type report struct {
	loop       metrics.Loop
	closed     metrics.Totals
	streamTime record.Time // the highest ever; -1: none
	tasks      []taskReport
}

// taskReport is a task as of its last commit.
type taskReport struct {
	metrics.Task
	assignment *assignment
	routes     []*route // of the inputs
}

const (
	// reportEvery is how long a loop may work without a report.
	reportEvery = time.Second
	// measureEvery is how often a task's bytes on disk are summed up.
	measureEvery = 5 * time.Second
)

// noteUncommitted notes whether something waits to be committed.
func (l *loop) noteUncommitted() {
	switch noted := l.published.uncommitted.Load() != 0; {
	case noted && !l.dirty:
		l.published.uncommitted.Store(0)
	case !noted && l.dirty:
		l.published.uncommitted.Store(time.Now().UnixNano())
	}
}

// reportIfDue reports now and then between commits.
func (l *loop) reportIfDue(now time.Time) {
	l.noteUncommitted()
	if now.Sub(l.published.at) >= reportEvery {
		l.report(now)
	}
}

// report leaves what is true of the loop's tasks as of their last commits.
func (l *loop) report(now time.Time) {
	p := &l.published
	p.at = now
	r := &report{
		loop: metrics.Loop{
			Index: l.index, Tasks: len(l.tasks), Commits: l.commits, Aborts: l.aborts,
			CommitLatency: p.latency, Processing: p.busy,
		},
		streamTime: -1,
	}
	if before := p.report.Load(); before != nil {
		r.streamTime = before.streamTime
	}
	r.closed.Add(&p.closed)
	for _, tasks := range [...][]*running{l.tasks, l.parked} {
		for _, task := range tasks {
			t := task.report(now)
			r.streamTime = max(r.streamTime, t.StreamTime)
			r.tasks = append(r.tasks, t)
		}
	}
	p.report.Store(r)
}

// report is the task as of its last commit.
func (r *running) report(now time.Time) taskReport {
	t := taskReport{assignment: r.assignment}
	t.ID, t.Loop = r.task.ID, r.assignment.loop.index
	r.task.measure(&t.Task)
	t.Processing = r.busy
	for i := range t.Inputs {
		in := &t.Inputs[i]
		t.routes = append(t.routes, r.routes[record.Partition{Topic: in.Topic, ID: in.Partition}])
	}
	if now.Sub(r.measured) >= measureEvery {
		r.measured = now
		d := r.space.Disk()
		r.disk = metrics.Disk{TableBytes: d.TableBytes, MemTableBytes: d.MemTableBytes, UnflushedBytes: d.UnflushedBytes}
	}
	t.Disk = r.disk
	return t
}

// Member says whether this instance is a member of the group, as of the last poll.
func (e *Engine) Member() bool { return e.member.Load() }

// Metrics are the engine's, without the app's state.
func (e *Engine) Metrics() metrics.Snapshot {
	s := metrics.Snapshot{
		At: time.Now(), Application: e.config.ApplicationID, Instance: e.config.InstanceID, StreamTime: -1,
		TasksOpened: e.opened.Load(), TasksClosed: e.closed.Load(), Rebalances: e.rebalances.Load(),
		LastPoll:   timeOf(e.polled.Load()),
		CacheBytes: e.config.Shared.Used(), CacheBytesMax: e.config.Shared.Budget(), BlockCacheBytes: e.config.Shared.BlockBytes(),
	}
	e.mu.Lock()
	loops := slices.Clone(e.loops)
	waiting := make(map[*assignment]bool, len(e.assignments))
	for _, a := range e.assignments {
		waiting[a] = true
	}
	e.mu.Unlock()
	for _, l := range loops {
		l.published.addTo(&s, l.index, waiting)
	}
	for a := range waiting {
		if state := a.lifecycle.state(); state != TaskClosed {
			s.Tasks = append(s.Tasks, metrics.Task{
				ID: a.id, State: state.String(), Loop: a.loop.index, StreamTime: -1, Restore: a.restoring.progress(s.At),
			})
		}
	}
	for id, lag := range e.Standbys() {
		s.Standbys = append(s.Standbys, metrics.Standby{ID: id, Lag: lag})
	}
	slices.SortFunc(s.Tasks, func(a, b metrics.Task) int { return compareTasks(a.ID, b.ID) })
	slices.SortFunc(s.Standbys, func(a, b metrics.Standby) int { return compareTasks(a.ID, b.ID) })
	return s
}

// addTo adds what the loop has left, and takes the tasks that it has said something of out of waiting.
func (p *published) addTo(s *metrics.Snapshot, index int, waiting map[*assignment]bool) {
	loop := metrics.Loop{Index: index}
	if r := p.report.Load(); r != nil {
		loop = r.loop
		totals := &s.Totals
		totals.Add(&r.closed)
		s.StreamTime = max(s.StreamTime, r.streamTime)
		for i := range r.tasks {
			t := r.tasks[i].Task
			totals.Add(&t.Totals)
			delete(waiting, r.tasks[i].assignment)
			if state := r.tasks[i].assignment.lifecycle.state(); state != TaskClosed {
				t.State, t.Restore = state.String(), r.tasks[i].assignment.restoring.progress(s.At)
				t.Inputs = r.tasks[i].inputs()
				for j := range t.Inputs {
					s.BufferedBytes += t.Inputs[j].BufferedBytes
				}
				s.Tasks = append(s.Tasks, t)
			}
		}
	}
	loop.LastCommit, loop.Uncommitted = timeOf(p.committed.Load()), timeOf(p.uncommitted.Load())
	s.Commits += loop.Commits
	s.Aborts += loop.Aborts
	s.Loops = append(s.Loops, loop)
}

// inputs are as reported, but with what the poller has seen since.
func (t *taskReport) inputs() []metrics.Input {
	inputs := slices.Clone(t.Inputs)
	for i := range inputs {
		if r := t.routes[i]; r != nil {
			inputs[i].End = max(inputs[i].End, r.end.Load())
			inputs[i].BufferedBytes = r.buffered.Load()
		}
	}
	return inputs
}

// timeOf is a time in Unix nanoseconds; zero if it is 0.
func timeOf(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos)
}
