package metrics

import (
	"slices"
	"time"
)

// table is every metric. docs/metrics.md says the same for users.
var table = slices.Concat(appTable, loopTable, taskTable, standbyTable, inputTable, stepTable, storeTable)

var appTable = []row{
	{Metric{"app", "state", Gauge, "", []string{"state"}, "stream-metrics state", "1 for the state that the app is in"},
		func(s *Snapshot, add func(Point)) { add(Point{Labels: []string{s.State}, Value: 1}) }},
	{Metric{"app", "tasks", Gauge, "tasks", []string{"state"}, "", "tasks given to this instance, by their state"}, tasksByState},
	{Metric{"app", "process-total", Counter, "records", nil, "stream-thread-metrics process-total", "records processed or dropped, by all tasks since the start"},
		app(func(s *Snapshot) float64 { return float64(s.Processed) })},
	{Metric{"app", "records-produced-total", Counter, "records", nil, "stream-topic-metrics records-produced-total", "records put out to topics, dead letters included, changelogs not"},
		app(func(s *Snapshot) float64 { return float64(s.Produced) })},
	{Metric{"app", "dropped-records-total", Counter, "records", []string{"reason"}, "stream-task-metrics dropped-records-total", "records that did not go on; one may count in several steps"},
		func(s *Snapshot, add func(Point)) { dropped(s.Dropped, add) }},
	{Metric{"app", "dead-letters-total", Counter, "records", nil, "", "records written to a dead-letter topic"},
		app(func(s *Snapshot) float64 { return float64(s.DeadLettered) })},
	{Metric{"app", "commit-total", Counter, "commits", nil, "stream-thread-metrics commit-total", "commits of all loops"},
		app(func(s *Snapshot) float64 { return float64(s.Commits) })},
	{Metric{"app", "abort-total", Counter, "commits", nil, "", "commits that failed and whose work was done again"},
		app(func(s *Snapshot) float64 { return float64(s.Aborts) })},
	{Metric{"app", "task-created-total", Counter, "tasks", nil, "stream-thread-metrics task-created-total", "tasks given to this instance"},
		app(func(s *Snapshot) float64 { return float64(s.TasksOpened) })},
	{Metric{"app", "task-closed-total", Counter, "tasks", nil, "stream-thread-metrics task-closed-total", "tasks given up"},
		app(func(s *Snapshot) float64 { return float64(s.TasksClosed) })},
	{Metric{"app", "rebalance-total", Counter, "rebalances", nil, "consumer-coordinator-metrics rebalance-total", "times that the group gave or took tasks"},
		app(func(s *Snapshot) float64 { return float64(s.Rebalances) })},
	{Metric{"app", "last-poll-ago", Gauge, "seconds", nil, "consumer-metrics last-poll-seconds-ago", "since the consumer was last asked for records"},
		sometimes(func(s *Snapshot) (float64, bool) { return s.ago(s.LastPoll) })},
	{Metric{"app", "stream-time", Gauge, "seconds", nil, "", "the highest stream time of all tasks, since the epoch"},
		sometimes(func(s *Snapshot) (float64, bool) { return unix(s.StreamTime) })},
	{Metric{"app", "input-buffer", Gauge, "bytes", nil, "stream-task-metrics active-buffer-count", "records fetched and not processed"},
		app(func(s *Snapshot) float64 { return float64(s.BufferedBytes) })},
	{Metric{"app", "cache-size", Gauge, "bytes", nil, "stream-task-metrics cache-size-bytes-total", "the write-back caches of all stores"},
		app(func(s *Snapshot) float64 { return float64(s.CacheBytes) })},
	{Metric{"app", "cache-limit", Gauge, "bytes", nil, "", "what the write-back caches may take: over it commits come early"},
		app(func(s *Snapshot) float64 { return float64(s.CacheBytesMax) })},
	{Metric{"app", "block-cache-usage", Gauge, "bytes", nil, "stream-state-metrics block-cache-usage", "Pebble's block cache, which all tasks share"},
		app(func(s *Snapshot) float64 { return float64(s.BlockCacheBytes) })},
}

func tasksByState(s *Snapshot, add func(Point)) {
	for _, state := range []string{"created", "restoring", "running"} {
		n := 0
		for i := range s.Tasks {
			if s.Tasks[i].State == state {
				n++
			}
		}
		add(Point{Labels: []string{state}, Value: float64(n)})
	}
}

var (
	loopLabels  = []string{"loop"}
	taskLabels  = []string{"task"}
	inputLabels = []string{"task", "topic", "partition"}
	stepLabels  = []string{"task", "step"}
	storeLabels = []string{"task", "store"}
)

var loopTable = []row{
	{Metric{"loop", "tasks", Gauge, "tasks", loopLabels, "", "tasks that it runs"},
		loops(func(l *Loop) float64 { return float64(l.Tasks) })},
	{Metric{"loop", "commit-total", Counter, "commits", loopLabels, "stream-thread-metrics commit-total", "commits"},
		loops(func(l *Loop) float64 { return float64(l.Commits) })},
	{Metric{"loop", "abort-total", Counter, "commits", loopLabels, "", "commits that failed and whose work was done again"},
		loops(func(l *Loop) float64 { return float64(l.Aborts) })},
	{Metric{"loop", "commit-latency", Durations, "seconds", loopLabels, "stream-thread-metrics commit-latency-avg", "from the begin of a commit to its state being applied"},
		loopPoints(func(_ *Snapshot, l *Loop) (Point, bool) { return Point{Durations: &l.CommitLatency}, true })},
	{Metric{"loop", "commit-latency-max", Gauge, "seconds", loopLabels, "stream-thread-metrics commit-latency-max", "the longest commit since the start"},
		loops(func(l *Loop) float64 { return l.CommitLatency.Max.Seconds() })},
	{Metric{"loop", "process-time-total", Counter, "seconds", loopLabels, "stream-thread-metrics process-ratio", "spent processing; its rate is the share of the time"},
		loops(func(l *Loop) float64 { return l.Processing.Seconds() })},
	{Metric{"loop", "last-commit-ago", Gauge, "seconds", loopLabels, "", "since its last commit"},
		loopsAgo(func(l *Loop) time.Time { return l.LastCommit })},
	{Metric{"loop", "uncommitted-ago", Gauge, "seconds", loopLabels, "", "since when something waits to be committed, if anything does"},
		loopsAgo(func(l *Loop) time.Time { return l.Uncommitted })},
}

var taskTable = []row{
	{Metric{"task", "process-total", Counter, "records", taskLabels, "stream-task-metrics process-total", "records processed or dropped"},
		tasks(func(t *Task) float64 { return float64(t.Processed) })},
	{Metric{"task", "records-produced-total", Counter, "records", taskLabels, "", "records put out to topics, dead letters included, changelogs not"},
		tasks(func(t *Task) float64 { return float64(t.Produced) })},
	{Metric{"task", "dropped-records-total", Counter, "records", []string{"task", "reason"}, "stream-task-metrics dropped-records-total", "records that did not go on; one may count in several steps"},
		func(s *Snapshot, add func(Point)) {
			for i := range s.Tasks {
				dropped(s.Tasks[i].Dropped, add, s.Tasks[i].ID.String())
			}
		}},
	{Metric{"task", "dead-letters-total", Counter, "records", taskLabels, "", "records written to a dead-letter topic"},
		tasks(func(t *Task) float64 { return float64(t.DeadLettered) })},
	{Metric{"task", "process-time-total", Counter, "seconds", taskLabels, "stream-task-metrics process-latency-avg", "spent processing; by process-total it is the time a record takes"},
		tasks(func(t *Task) float64 { return t.Processing.Seconds() })},
	{Metric{"task", "punctuate-total", Counter, "calls", taskLabels, "stream-task-metrics punctuate-total", "calls of punctuations"},
		tasks(func(t *Task) float64 { return float64(t.Punctuations) })},
	{Metric{"task", "punctuate-time-total", Counter, "seconds", taskLabels, "stream-task-metrics punctuate-latency-avg", "spent in punctuations; by punctuate-total it is the time a call takes"},
		tasks(func(t *Task) float64 { return t.Punctuating.Seconds() })},
	{Metric{"task", "record-lateness-total", Counter, "seconds", taskLabels, "stream-task-metrics record-lateness-avg", "by how much records were behind stream time; by process-total it is the average"},
		tasks(func(t *Task) float64 { return t.Lateness.Seconds() })},
	{Metric{"task", "record-lateness-max", Gauge, "seconds", taskLabels, "stream-task-metrics record-lateness-max", "the most that a record was behind stream time"},
		tasks(func(t *Task) float64 { return t.LatenessMax.Seconds() })},
	{Metric{"task", "stream-time", Gauge, "seconds", taskLabels, "", "the highest event time processed, since the epoch"},
		tasksSometimes(func(t *Task) (float64, bool) { return unix(t.StreamTime) })},
	{Metric{"task", "restore-total", Counter, "records", taskLabels, "stream-task-metrics restore-total", "changelog records replayed when it was last opened"},
		tasks(func(t *Task) float64 { return float64(t.Restore.Records) })},
	{Metric{"task", "restore-remaining-records", Gauge, "records", taskLabels, "stream-task-metrics restore-remaining-records-total", "offsets of changelogs still to be replayed"},
		tasks(func(t *Task) float64 { return float64(t.Restore.Remaining) })},
	{Metric{"task", "restore-rate", Gauge, "records/s", taskLabels, "stream-task-metrics restore-rate", "changelog records replayed a second, on average of this restore"},
		tasks(func(t *Task) float64 { return t.Restore.Rate() })},
	{Metric{"task", "restore-time", Gauge, "seconds", taskLabels, "", "that bringing its state back has taken"},
		tasks(func(t *Task) float64 { return t.Restore.Took.Seconds() })},
	{Metric{"task", "total-sst-files-size", Gauge, "bytes", taskLabels, "stream-state-metrics total-sst-files-size", "Pebble's tables"},
		tasks(func(t *Task) float64 { return float64(t.Disk.TableBytes) })},
	{Metric{"task", "size-all-mem-tables", Gauge, "bytes", taskLabels, "stream-state-metrics size-all-mem-tables", "Pebble's memtables"},
		tasks(func(t *Task) float64 { return float64(t.Disk.MemTableBytes) })},
	{Metric{"task", "unflushed", Gauge, "bytes", taskLabels, "", "state that a crash would have replayed"},
		tasks(func(t *Task) float64 { return float64(t.Disk.UnflushedBytes) })},
}

var standbyTable = []row{
	{Metric{"standby", "remaining-records", Gauge, "records", taskLabels, "", "offsets of changelogs that a standby is behind, about"},
		func(s *Snapshot, add func(Point)) {
			for _, c := range s.Standbys {
				add(Point{Labels: []string{c.ID.String()}, Value: float64(c.Lag)})
			}
		}},
}

var inputTable = []row{
	{Metric{"input", "records-consumed-total", Counter, "records", inputLabels, "stream-topic-metrics records-consumed-total", "records processed or dropped"},
		inputs(func(in *Input) float64 { return float64(in.Consumed) })},
	{Metric{"input", "position", Gauge, "offset", inputLabels, "", "the committed offset"},
		inputs(func(in *Input) float64 { return float64(in.Position) })},
	{Metric{"input", "end-offset", Gauge, "offset", inputLabels, "", "the last stable offset, as of the last fetch"},
		inputs(func(in *Input) float64 { return float64(in.End) })},
	{Metric{"input", "records-lag", Gauge, "offset", inputLabels, "consumer-fetch-manager-metrics records-lag", "end-offset less position"},
		inputs(func(in *Input) float64 { return float64(in.Lag()) })},
	{Metric{"input", "buffered", Gauge, "bytes", inputLabels, "", "records fetched and not processed"},
		inputs(func(in *Input) float64 { return float64(in.BufferedBytes) })},
}

var stepTable = []row{
	{Metric{"step", "process-total", Counter, "records", stepLabels, "stream-processor-node-metrics process-total", "records, or updates of a table, that came to it; with Config.StepMetrics"},
		steps(func(s *Step) int64 { return s.In })},
	{Metric{"step", "emit-total", Counter, "records", stepLabels, "", "handed to the steps behind it, once for each; with Config.StepMetrics"},
		steps(func(s *Step) int64 { return s.Out })},
	{Metric{"step", "dropped-records-total", Counter, "records", []string{"task", "step", "reason"}, "", "records that did not go on"},
		func(s *Snapshot, add func(Point)) {
			for i := range s.Tasks {
				t := &s.Tasks[i]
				for j := range t.Steps {
					dropped(t.Steps[j].Dropped, add, t.ID.String(), t.Steps[j].Name)
				}
			}
		}},
}

var storeTable = []row{
	{Metric{"store", "hit-total", Counter, "look-ups", storeLabels, "stream-record-cache-metrics hit-ratio-avg", "look-ups that the write-back cache answered"},
		stores(func(s *Store) int64 { return s.CacheHits })},
	{Metric{"store", "miss-total", Counter, "look-ups", storeLabels, "stream-record-cache-metrics hit-ratio-avg", "look-ups that went to the store below the cache"},
		stores(func(s *Store) int64 { return s.CacheMisses })},
	{Metric{"store", "cache-size", Gauge, "bytes", storeLabels, "", "its rows in the write-back cache"},
		stores(func(s *Store) int64 { return s.CacheBytes })},
	{Metric{"store", "expired-writes-total", Counter, "rows", storeLabels, "stream-task-metrics dropped-records-total", "writes dropped because their window was past its retention"},
		stores(func(s *Store) int64 { return s.Expired })},
}
