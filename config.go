package pitwheel

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/tracing"
)

// Config is an app's. The zero value of a field is the safe choice that its comment names; two
// fields are required.
type Config struct {
	// ApplicationID is required: the group, and the prefix of internal topics and transactional
	// ids. Letters, digits, '.', '_' and '-', at most 200. Kafka: application.id.
	ApplicationID string
	// Brokers is required: "host:port" of some of the cluster's. Kafka: bootstrap.servers.
	Brokers []string

	// InstanceID names this instance for static membership (KIP-345). Empty: made once and kept
	// in StateDir. Two running instances must not have the same.
	InstanceID string
	// ClientID names the clients in brokers' logs and quotas. Empty: ApplicationID.
	ClientID string
	// Rack is where this instance is, to fetch from replicas nearby (KIP-392) and to keep standbys on
	// other racks (KIP-708). Empty: unknown.
	Rack string
	// StateDir is where local state is kept, for one instance alone. Empty:
	// <user cache directory>/pitwheel/<ApplicationID>. Kafka: state.dir.
	StateDir string

	// Guarantee is what a crash may do to results. Zero: ExactlyOnce.
	Guarantee Guarantee
	// CommitInterval is how often results are committed, and so become visible. A user function that
	// takes longer makes it longer. Zero: 100 ms. Kafka: commit.interval.ms.
	CommitInterval time.Duration
	// TaskIdle is how long a task with several input partitions waits, while some have records, for
	// one that has none and has been read to its end: what comes there might be older than what is
	// there, and a join would miss it. Zero: not at all. Records that are known to be there are waited
	// for in any case, unless TaskIdle is negative: then tasks process what they have, in the order
	// in which it happened to be fetched. Kafka: max.task.idle.ms (KIP-353, KIP-695).
	TaskIdle time.Duration
	// FlushInterval is how often local state goes to disk, which bounds what a restart after a
	// crash replays from the changelogs. Zero: 10 s.
	FlushInterval time.Duration
	// MemoryLimit is in bytes, for fetched records (at most a quarter of it, or 64 MiB), caches and Pebble
	// together. Zero: a quarter of the memory that the process may use.
	MemoryLimit int64
	// Loops is how many goroutines process records. Zero: GOMAXPROCS. Under ExactlyOnce an instance
	// keeps the most that it ever had, because each has a transactional id that must be taken again
	// at start. Kafka: num.stream.threads.
	Loops int
	// SessionTimeout is how long this instance may be silent before the group gives its tasks to
	// others. Zero: 45 s. Kafka: session.timeout.ms.
	SessionTimeout time.Duration

	// Standbys is how many other instances keep a copy of each task's state, ready to take it over.
	// All instances should have the same. Zero: none. Kafka: num.standby.replicas.
	Standbys int

	// StopTimeout is how long Run may take for its last commits after its context has ended, before
	// it gives them up with an error. Zero: 30 s.
	StopTimeout time.Duration

	// StuckAfter is how long records may wait to be committed before Health calls the app stuck. Zero: ten
	// commit intervals, but at least 30 s. A user function that takes longer makes it longer.
	StuckAfter time.Duration

	// TLS is nil for plain text. See docs/security.md. Kafka: security.protocol, ssl.*.
	TLS *tls.Config
	// SASL mechanisms, of franz-go's packages sasl/plain, sasl/scram and sasl/oauth, are tried in
	// order. Empty: none. Kafka: sasl.mechanism, sasl.jaas.config.
	SASL []sasl.Mechanism

	// Topics says what happens to internal topics that are missing. Zero: CreateTopics.
	Topics TopicsMode
	// Replication is that of internal topics. Zero: the broker's default. Kafka: replication.factor.
	Replication int16
	// Compression is how what is produced is packed. Zero: not at all, as Kafka's own producers do by default.
	// Kafka: compression.type.
	Compression Compression
	// HungTransactions says what to do about transactions of this application that hang: brokers were
	// killed in the middle of ending them, and will never do it (docs/reliability.md). Zero: ReportHung.
	HungTransactions HungTransactions
	// LeaveOnStop gives the tasks away at once when Run ends, for scaling in and for disks that
	// are thrown away. Else they wait for this instance for the session timeout.
	LeaveOnStop bool
	// OnError is what becomes of records that fail. Zero: errors stop the app, what Kafka Streams
	// drops is dropped; sources may have their own.
	OnError topology.ErrorPolicies
	// MaxErrors is how many records with an error policies may let pass before Run fails: those that
	// did not decode, failed in a user function, or could not be produced. What is null, late or of a
	// negative time does not count. It is counted by this instance since its start. Zero: no limit.
	MaxErrors int64
	// Logger is nil for slog.Default.
	Logger *slog.Logger

	// Tracer makes spans of batches, commits, restores and rebalances, and carries trace contexts in
	// records' headers: see package tracing. Nil: off.
	Tracer tracing.Tracer
	// TraceSteps makes spans, too, of what each step did in a batch. That takes two looks at the clock
	// for each record and step: it is for looking into a problem.
	TraceSteps bool
	// StepMetrics counts what comes to each step and what it hands on, which takes a few nanoseconds
	// for each record and step. Kafka: metrics.recording.level=DEBUG.
	StepMetrics bool

	// OnStateChange is told of each change of State, in order, from one goroutine. Run returns when
	// it has been told of all, so it must not wait for Run.
	OnStateChange func(old, now State)
	// OnRestore is told of each restore: of each store that is replayed, how it begins, at most once a
	// second how it goes on, and how it ends; then of each task that it is done, also where there was
	// nothing to replay. It is called from the goroutine that restores, several tasks at once, and holds
	// that up. Kafka: StateRestoreListener.
	OnRestore func(Restore)
}

// Guarantee is what a crash may do to results.
type Guarantee int

// The guarantees. Kafka: processing.guarantee.
const (
	ExactlyOnce Guarantee = iota // nothing lost, nothing doubled
	AtLeastOnce                  // nothing lost; after a crash some records are processed again
)

// TopicsMode says what happens to internal topics that are missing.
type TopicsMode int

// The modes.
const (
	CreateTopics   TopicsMode = iota // they are made
	ValidateTopics                   // Run fails, naming each and its config
)

// HungTransactions says what to do about transactions that hang.
type HungTransactions int

// The ways. Both log every fact, how it was decided as far as that is proven, and what to do; the task waits.
const (
	// ReportHung does no more.
	ReportHung HungTransactions = iota
	// RepairHung ends those of this application as they had been decided, where that is proven: by writing
	// their markers, as kafka-transactions.sh does. It takes the right to Alter the cluster.
	RepairHung
)

const maxID = 200

// minMemory is the least that an app works with, in bytes.
const minMemory = 16 << 20

// ErrConfig is wrapped by each problem that Validate reports.
var ErrConfig = errors.New("invalid configuration")

var validID = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// Validate reports every problem at once, each naming the field and the fix.
func (c Config) Validate() error {
	var problems error
	report := func(field, format string, args ...any) {
		problems = errors.Join(problems, fmt.Errorf("%w: %s %s", ErrConfig, field, fmt.Sprintf(format, args...)))
	}
	checkID := func(field, id string) {
		if !validID.MatchString(id) || len(id) > maxID || id == "." || id == ".." {
			report(field, "is %q: use letters, digits, '.', '_' and '-', at most %d, and not \".\" or \"..\"", id, maxID)
		}
	}
	if c.ApplicationID == "" {
		report("ApplicationID", "is empty: name the application")
	} else {
		checkID("ApplicationID", c.ApplicationID)
	}
	if c.InstanceID != "" {
		checkID("InstanceID", c.InstanceID)
	}
	if len(c.Brokers) == 0 {
		report("Brokers", "is empty: give at least one \"host:port\"")
	}
	for _, b := range c.Brokers {
		if err := checkBroker(b); err != nil {
			report("Brokers", "has %q: %v: use \"host:port\"", b, err)
		}
	}
	c.validateNumbers(report)
	return problems
}

func (c Config) validateNumbers(report func(field, format string, args ...any)) {
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"CommitInterval", c.CommitInterval}, {"FlushInterval", c.FlushInterval}, {"SessionTimeout", c.SessionTimeout}, {"StopTimeout", c.StopTimeout}, {"StuckAfter", c.StuckAfter}} {
		if d.value < 0 {
			report(d.field, "is %v: it may not be negative; zero is the default", d.value)
		}
	}
	if c.Guarantee != ExactlyOnce && c.Guarantee != AtLeastOnce {
		report("Guarantee", "is %d: use ExactlyOnce or AtLeastOnce", c.Guarantee)
	}
	if c.Topics != CreateTopics && c.Topics != ValidateTopics {
		report("Topics", "is %d: use CreateTopics or ValidateTopics", c.Topics)
	}
	if !c.Compression.known() {
		report("Compression", "is %d: use NoCompression, LZ4, Snappy, Zstd or Gzip", c.Compression)
	}
	if c.HungTransactions != ReportHung && c.HungTransactions != RepairHung {
		report("HungTransactions", "is %d: use ReportHung or RepairHung", c.HungTransactions)
	}
	if c.MemoryLimit < 0 || c.MemoryLimit > 0 && c.MemoryLimit < minMemory {
		report("MemoryLimit", "is %d bytes: give at least 16 MiB, or zero for the default", c.MemoryLimit)
	}
	if c.MaxErrors < 0 {
		report("MaxErrors", "is %d: it may not be negative; zero is no limit, and to let no error pass use topology.Fail", c.MaxErrors)
	}
	if topics, _ := c.OnError.DeadLetterTopics(); slices.Contains(topics, "") {
		report("OnError", "has a DeadLetter without a topic: name one")
	}
	if c.Loops < 0 {
		report("Loops", "is %d: it may not be negative; zero is the default", c.Loops)
	}
	if c.Standbys < 0 {
		report("Standbys", "is %d: it may not be negative; zero keeps none", c.Standbys)
	}
	if c.Replication < 0 {
		report("Replication", "is %d: it may not be negative; zero is the broker's default", c.Replication)
	}
	if c.Guarantee == ExactlyOnce && c.CommitInterval > maxCommitInterval {
		report("CommitInterval", "is %v: transactions would time out; use at most %v, or AtLeastOnce", c.CommitInterval, maxCommitInterval)
	}
}

// maxCommitInterval keeps a transaction within the brokers' bound (transaction.max.timeout.ms is
// 15 minutes by default).
const maxCommitInterval = 5 * time.Minute

func checkBroker(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if host == "" {
		return errors.New("the host is missing")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("port %q is not a number from 1 to 65535", port)
	}
	return nil
}

// withDefaults is the config with every default in its place.
func (c Config) withDefaults() (Config, error) {
	c.ClientID = cmp.Or(c.ClientID, c.ApplicationID)
	c.CommitInterval = cmp.Or(c.CommitInterval, 100*time.Millisecond)
	c.FlushInterval = cmp.Or(c.FlushInterval, 10*time.Second)
	c.StuckAfter = cmp.Or(c.StuckAfter, max(10*c.CommitInterval, 30*time.Second))
	c.StopTimeout = cmp.Or(c.StopTimeout, 30*time.Second)
	c.MemoryLimit = cmp.Or(c.MemoryLimit, max(usableMemory()/4, minMemory))
	c.Loops = cmp.Or(c.Loops, runtime.GOMAXPROCS(0))
	c.Replication = cmp.Or(c.Replication, -1)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.StateDir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return c, fmt.Errorf("%w: StateDir is empty and there is no user cache directory (%w): set it", ErrConfig, err)
		}
		c.StateDir = filepath.Join(cache, "pitwheel", c.ApplicationID)
	}
	return c, nil
}

func (c Config) kafka() kafka.Config {
	return kafka.Config{
		Brokers: c.Brokers, ClientID: c.ClientID, Rack: c.Rack, TLS: c.TLS, SASL: c.SASL, Logger: c.Logger,
	}
}
