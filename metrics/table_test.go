package metrics

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/record"
)

// documented is a row of the table in docs/metrics.md.
var documented = regexp.MustCompile("(?m)^\\| `(pitwheel_\\w+)` \\| (.*) \\|$")

func documentation(m *Metric) string {
	dash := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	kafka := "-"
	if m.Kafka != "" {
		kafka = "`" + m.Kafka + "`"
	}
	return strings.Join([]string{m.Kind.String(), dash(m.Unit), dash(strings.Join(m.Labels, ", ")), kafka, m.Help}, " | ")
}

// The document and the code have the same metrics, described alike, in one order.
func TestTheDocumentHasEveryMetricAndNoOther(t *testing.T) {
	text, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, m := range All() {
		want = append(want, fmt.Sprintf("| %#q | %s |", m.ID(), documentation(&m)))
	}
	got := documented.FindAllString(string(text), -1)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("docs/metrics.md (-code +document):\n%s", d)
	}
}

func TestNamesAreUniqueAndOfOneForm(t *testing.T) {
	form, seen := regexp.MustCompile(`^pitwheel_[a-z]+(_[a-z]+)+$`), map[string]bool{}
	for _, m := range All() {
		id := m.ID()
		if !form.MatchString(id) || seen[id] {
			t.Errorf("%q: not of the form, or twice", id)
		}
		seen[id] = true
		if strings.HasSuffix(id, "_total") != (m.Kind == Counter) {
			t.Errorf("%q is a %v: total stands at the end of counters alone", id, m.Kind)
		}
		if m.Help == "" {
			t.Errorf("%q says nothing", id)
		}
	}
}

// full has something of everything.
func full() Snapshot {
	at := time.Unix(1000, 0)
	totals := Totals{
		Processed: 10, Produced: 7, DeadLettered: 1, Dropped: map[string]int64{"late": 2, "null_key": 1}, Punctuations: 4, Punctuating: time.Second,
		Lateness: 3 * time.Second, LatenessMax: 2 * time.Second,
	}
	loop := Loop{Index: 1, Tasks: 1, Commits: 4, Aborts: 1, Processing: time.Second, LastCommit: at.Add(-time.Second), Uncommitted: at.Add(-500 * time.Millisecond)}
	loop.CommitLatency.Observe(3 * time.Millisecond)
	return Snapshot{
		At: at, Application: "app", Instance: "one", State: "running", Totals: totals, StreamTime: 5000, Commits: 4, Aborts: 1,
		TasksOpened: 2, TasksClosed: 1, Rebalances: 3, LastPoll: at.Add(-2 * time.Second),
		BufferedBytes: 100, CacheBytes: 200, CacheBytesMax: 300, BlockCacheBytes: 400,
		Loops: []Loop{loop}, Standbys: []Standby{{ID: record.TaskID{Subtopology: 1}, Lag: 8}},
		Tasks: []Task{{
			ID: record.TaskID{Subtopology: 0, Partition: 3}, State: "running", Loop: 1, Totals: totals, StreamTime: 5000,
			Processing: time.Second, Restore: Restore{Records: 50, Remaining: 5, Took: 2 * time.Second},
			Disk:   Disk{TableBytes: 1, MemTableBytes: 2, UnflushedBytes: 3},
			Inputs: []Input{{Topic: "in", Partition: 3, Consumed: 10, Position: 20, End: 25, BufferedBytes: 100}},
			Steps:  []Step{{Name: "filter", Counted: true, In: 9, Out: 8, Dropped: map[string]int64{"late": 2}}},
			Stores: []Store{{Name: "counts", CacheHits: 6, CacheMisses: 2, CacheBytes: 200, Expired: 1}},
		}},
	}
}

// Every metric has a value in a snapshot that has everything, with a value for each of its labels.
func TestEveryMetricIsRead(t *testing.T) {
	s := full()
	got := map[string][]string{}
	for p := range s.Points {
		if len(p.Labels) != len(p.Metric.Labels) {
			t.Errorf("%s has labels %v, values %v", p.Metric.ID(), p.Metric.Labels, p.Labels)
		}
		if (p.Durations != nil) != (p.Metric.Kind == Durations) {
			t.Errorf("%s is a %v", p.Metric.ID(), p.Metric.Kind)
		}
		value := fmt.Sprint(p.Value)
		if p.Durations != nil {
			value = fmt.Sprint(p.Durations.Count(), p.Durations.Sum)
		}
		got[p.Metric.ID()] = append(got[p.Metric.ID()], strings.Join(append(slices.Clone(p.Labels), value), " "))
	}
	for _, m := range All() {
		if len(got[m.ID()]) == 0 {
			t.Errorf("%s has no value", m.ID())
		}
	}
	for id, want := range map[string][]string{
		"pitwheel_app_state":                          {"running 1"},
		"pitwheel_app_tasks":                          {"created 0", "restoring 0", "running 1"},
		"pitwheel_app_dropped_records_total":          {"late 2", "null_key 1"},
		"pitwheel_app_last_poll_ago_seconds":          {"2"},
		"pitwheel_loop_commit_latency_seconds":        {"1 1 3ms"},
		"pitwheel_loop_uncommitted_ago_seconds":       {"1 0.5"},
		"pitwheel_task_record_lateness_seconds_total": {"0_3 3"},
		"pitwheel_task_stream_time_seconds":           {"0_3 5"},
		"pitwheel_task_restore_rate":                  {"0_3 25"},
		"pitwheel_input_records_lag":                  {"0_3 in 3 5"},
		"pitwheel_step_process_total":                 {"0_3 filter 9"},
		"pitwheel_step_dropped_records_total":         {"0_3 filter late 2"},
		"pitwheel_store_hit_total":                    {"0_3 counts 6"},
	} {
		if d := cmp.Diff(want, got[id]); d != "" {
			t.Errorf("%s: %s", id, d)
		}
	}
}

// What is not known yet is no value, instead of a wrong one.
func TestWhatIsNotKnownIsLeftOut(t *testing.T) {
	s := Snapshot{At: time.Unix(1000, 0), State: "created", StreamTime: -1, Loops: []Loop{{}}, Tasks: []Task{{StreamTime: -1}}}
	for p := range s.Points {
		switch p.Metric.Name {
		case "stream-time", "last-poll-ago", "last-commit-ago", "uncommitted-ago":
			t.Errorf("%s is %v", p.Metric.ID(), p.Value)
		}
	}
	n := 0
	for range s.Points {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("went on for %d points", n)
	}
}

func TestHistogram(t *testing.T) {
	var h Histogram
	if h.Count() != 0 || h.Mean() != 0 || h.Quantile(0.5) != 0 {
		t.Errorf("of none: %d, mean %v, median %v", h.Count(), h.Mean(), h.Quantile(0.5))
	}
	for _, d := range []time.Duration{
		0, time.Millisecond, 1500 * time.Microsecond, 4 * time.Millisecond, 15 * time.Millisecond, 35 * time.Second,
	} {
		h.Observe(d)
	}
	if h.Counts[0] != 2 || h.Counts[1] != 1 || h.Counts[2] != 1 || h.Counts[4] != 1 || h.Counts[len(h.Counts)-1] != 1 {
		t.Errorf("counts %v", h.Counts)
	}
	if h.Count() != 6 || h.Max != 35*time.Second || h.Sum != 35*time.Second+21500*time.Microsecond || h.Mean() != h.Sum/6 {
		t.Errorf("%d, max %v, sum %v, mean %v", h.Count(), h.Max, h.Sum, h.Mean())
	}
	for q, want := range map[float64]time.Duration{
		0: time.Millisecond, 0.5: 2 * time.Millisecond, 0.8: 20 * time.Millisecond, 1: 35 * time.Second,
	} {
		if got := h.Quantile(q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if len(Buckets()) != len(h.Counts)-1 || !slices.IsSorted(Buckets()) {
		t.Errorf("buckets %v", Buckets())
	}
}
