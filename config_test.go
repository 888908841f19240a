package pitwheel

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

func valid() Config {
	return Config{ApplicationID: "page-views", Brokers: []string{"localhost:9092"}}
}

func TestSmallestConfigIsValid(t *testing.T) {
	if err := valid().Validate(); err != nil {
		t.Error(err)
	}
}

// names that would lead out of the state directory, or look like another one.
var badIDs = []string{
	".", "..", "../up", "a/b", `a\b`, "/", "/etc", `C:\state`, "C:", "a:b", "~", "a b", " a", "a ", "a\n", "\ta",
	"a\x00b", "\x00", "a*", "a?", "a%2f", "a,b", "é", "аpp", "app\u200b", "ａpp", "a\u2044b", "a\u2215b", "\u202eapp", "a\xffb",
	strings.Repeat("a", 201), strings.Repeat("a", 300),
}

func TestNamesAreRefusedUnlessPlain(t *testing.T) {
	for _, id := range badIDs {
		for field, set := range map[string]func(*Config){
			"ApplicationID": func(c *Config) { c.ApplicationID = id },
			"InstanceID":    func(c *Config) { c.InstanceID = id },
		} {
			c := valid()
			set(&c)
			err := c.Validate()
			if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), field) || !strings.Contains(err.Error(), "letters, digits") {
				t.Errorf("%s %q: got %v, want ErrConfig that names the field and what is allowed", field, id, err)
			}
		}
	}
	for _, id := range []string{"a", "A-1_b.c", "...", ".hidden", "-", "0", strings.Repeat("a", 200)} {
		c := valid()
		c.ApplicationID, c.InstanceID = id, id
		if err := c.Validate(); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestBrokersAreHostAndPort(t *testing.T) {
	for _, b := range []string{"", "localhost", ":9092", "localhost:", "localhost:0", "localhost:65536", "localhost:kafka", "a:1:2", "::1:9092", "kafka://a:9092", "localhost:-1"} {
		c := valid()
		c.Brokers = []string{"good:9092", b}
		err := c.Validate()
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "Brokers") || !strings.Contains(err.Error(), `"host:port"`) {
			t.Errorf("broker %q: got %v, want ErrConfig that names the field and the form", b, err)
		}
		if err != nil && strings.Contains(err.Error(), "good:9092") {
			t.Errorf("broker %q: error %q blames the good one", b, err)
		}
	}
	for _, b := range []string{"localhost:9092", "10.0.0.1:1", "[::1]:65535", "a.example.com:443"} {
		c := valid()
		c.Brokers = []string{b}
		if err := c.Validate(); err != nil {
			t.Errorf("broker %q: %v", b, err)
		}
	}
}

// Each problem names the field and what to do.
func TestEveryFieldIsChecked(t *testing.T) {
	tests := []struct {
		field string
		set   func(*Config)
		says  string
	}{
		{"ApplicationID", func(c *Config) { c.ApplicationID = "" }, "name the application"},
		{"Brokers", func(c *Config) { c.Brokers = nil }, "at least one"},
		{"CommitInterval", func(c *Config) { c.CommitInterval = -1 }, "zero is the default"},
		{"CommitInterval", func(c *Config) { c.CommitInterval = 5*time.Minute + 1 }, "5m0s"},
		{"FlushInterval", func(c *Config) { c.FlushInterval = -time.Second }, "zero is the default"},
		{"SessionTimeout", func(c *Config) { c.SessionTimeout = -time.Second }, "zero is the default"},
		{"StopTimeout", func(c *Config) { c.StopTimeout = -time.Second }, "zero is the default"},
		{"StuckAfter", func(c *Config) { c.StuckAfter = -time.Second }, "zero is the default"},
		{"Guarantee", func(c *Config) { c.Guarantee = 2 }, "ExactlyOnce or AtLeastOnce"},
		{"Guarantee", func(c *Config) { c.Guarantee = -1 }, "ExactlyOnce or AtLeastOnce"},
		{"Topics", func(c *Config) { c.Topics = 2 }, "CreateTopics or ValidateTopics"},
		{"HungTransactions", func(c *Config) { c.HungTransactions = 2 }, "ReportHung or RepairHung"},
		{"MemoryLimit", func(c *Config) { c.MemoryLimit = -1 }, "16 MiB"},
		{"MemoryLimit", func(c *Config) { c.MemoryLimit = 16<<20 - 1 }, "16 MiB"},
		{"Compression", func(c *Config) { c.Compression = Gzip + 1 }, "Snappy"},
		{"Compression", func(c *Config) { c.Compression = -1 }, "Zstd"},
		{"Loops", func(c *Config) { c.Loops = -1 }, "zero is the default"},
		{"Replication", func(c *Config) { c.Replication = -1 }, "the broker's default"},
		{"Standbys", func(c *Config) { c.Standbys = -1 }, "zero keeps none"},
		{"MaxErrors", func(c *Config) { c.MaxErrors = -1 }, "topology.Fail"},
		{"OnError", func(c *Config) { c.OnError.Process = topology.DeadLetter("") }, "without a topic"},
	}
	for _, tt := range tests {
		c := valid()
		tt.set(&c)
		err := c.Validate()
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), tt.field) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want ErrConfig that names it and says %q", tt.field, err, tt.says)
		}
		if err != nil && strings.Count(err.Error(), ErrConfig.Error()) != 1 {
			t.Errorf("%s: one problem gave %q", tt.field, err)
		}
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	c := Config{
		ApplicationID: "a/b", InstanceID: "..", Brokers: []string{"x", "localhost:9092", ":1"},
		CommitInterval: -1, FlushInterval: -1, SessionTimeout: -1, StopTimeout: -1, StuckAfter: -1, Guarantee: 9, Topics: 9, MemoryLimit: 1, Loops: -1, Replication: -1, Standbys: -1,
	}
	err := c.Validate()
	if n := strings.Count(err.Error(), ErrConfig.Error()); n != 15 {
		t.Errorf("%d problems in %q, want 15", n, err)
	}
	for _, field := range []string{
		"ApplicationID", "InstanceID", `"x"`, `":1"`, "CommitInterval", "FlushInterval", "SessionTimeout", "StopTimeout", "StuckAfter", "Guarantee",
		"Topics", "MemoryLimit", "Loops", "Replication", "Standbys",
	} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%q is missing in %q", field, err)
		}
	}
}

func TestLongCommitIntervalsNeedNoTransactions(t *testing.T) {
	c := valid()
	c.CommitInterval, c.Guarantee = time.Hour, AtLeastOnce
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	c.CommitInterval, c.Guarantee = 5*time.Minute, ExactlyOnce
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestZeroFieldsGetTheirDefaults(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	if runtime.GOOS != "linux" {
		t.Skip("the cache directory is elsewhere")
	}
	c, err := valid().withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if c.ClientID != "page-views" || c.CommitInterval != 100*time.Millisecond || c.FlushInterval != 10*time.Second || c.StopTimeout != 30*time.Second || c.StuckAfter != 30*time.Second ||
		c.Loops != runtime.GOMAXPROCS(0) || c.Replication != -1 || c.Logger != slog.Default() ||
		c.StateDir != filepath.Join(cache, "pitwheel", "page-views") || c.MemoryLimit < 16<<20 {
		t.Errorf("defaults: %+v", c)
	}
	if _, err := os.Stat(filepath.Join(cache, "pitwheel")); !os.IsNotExist(err) {
		t.Errorf("something was made on disk: %v", err)
	}
	if c.InstanceID != "" || c.Guarantee != ExactlyOnce || c.Topics != CreateTopics {
		t.Errorf("defaults: %+v", c)
	}
}

func TestFieldsThatAreSetStay(t *testing.T) {
	given := Config{
		ApplicationID: "a", Brokers: []string{"b:1"}, InstanceID: "i", ClientID: "c", Rack: "r", StateDir: "s",
		Guarantee: AtLeastOnce, CommitInterval: 1, FlushInterval: 2, MemoryLimit: 32 << 20, Loops: 4, SessionTimeout: 5, StopTimeout: 6, StuckAfter: 7,
		Topics: ValidateTopics, Replication: 3, LeaveOnStop: true, Logger: slog.New(slog.DiscardHandler),
	}
	got, err := given.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	same := cmp.Comparer(func(a, b *slog.Logger) bool { return a == b })
	if diff := cmp.Diff(given, got, same); diff != "" {
		t.Errorf("-given +got:\n%s", diff)
	}
}

func TestStateDirMustBeGivenWhereThereIsNoCache(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	if runtime.GOOS != "linux" {
		t.Skip("the cache directory is elsewhere")
	}
	_, err := New(plan(t), valid())
	if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "StateDir") || !strings.Contains(err.Error(), "set it") {
		t.Errorf("got %v, want ErrConfig that names StateDir", err)
	}
}

func plan(t *testing.T) *topology.Plan {
	t.Helper()
	b := topology.NewBuilder()
	text := func(name string) topology.Topic[string, string] {
		return topology.NewTopic(name, serde.String(), serde.String())
	}
	b.Stream(text("in")).To(text("out"))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNewChecksItsArguments(t *testing.T) {
	if _, err := New(nil, valid()); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "Builder.Build") {
		t.Errorf("no plan: %v", err)
	}
	if _, err := New(plan(t), Config{}); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "ApplicationID") || !strings.Contains(err.Error(), "Brokers") {
		t.Errorf("no config: %v", err)
	}
	app, err := New(plan(t), valid())
	if err != nil {
		t.Fatal(err)
	}
	if app.State() != Created {
		t.Errorf("a new app is %v", app.State())
	}
	if c := app.Metrics(); c.Processed != 0 || c.StreamTime != -1 {
		t.Errorf("a new app has counted %+v", c)
	}
}

// However the first one went.
func TestAppRunsOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := valid()
	c.StateDir, c.Logger = filepath.Join(file, "state"), slog.New(slog.DiscardHandler)
	app, err := New(plan(t), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Run(context.Background()); err == nil || errors.Is(err, ErrRun) || !strings.Contains(err.Error(), "Config.StateDir") {
		t.Errorf("first Run = %v, want an error about the state directory", err)
	}
	if app.State() != Failed {
		t.Errorf("after the first Run: %v", app.State())
	}
	if err := app.Run(context.Background()); !errors.Is(err, ErrRun) {
		t.Errorf("second Run = %v, want ErrRun", err)
	}
	if app.State() != Failed {
		t.Errorf("the second Run made it %v", app.State())
	}
}

// A second Run beside the first must not disturb it.
func TestSecondRunDoesNotDisturbTheFirst(t *testing.T) {
	c := valid()
	c.Brokers, c.StateDir, c.Logger = []string{"localhost:1"}, t.TempDir(), slog.New(slog.DiscardHandler)
	started := make(chan State, 8)
	c.OnStateChange = func(_, now State) { started <- now }
	app, err := New(plan(t), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	if now := <-started; now != Rebalancing {
		t.Fatalf("first change: %v", now)
	}
	if err := app.Run(ctx); !errors.Is(err, ErrRun) {
		t.Errorf("second Run = %v, want ErrRun", err)
	}
	if app.State() != Rebalancing {
		t.Errorf("the second Run made it %v", app.State())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the first Run = %v, want nil: it was asked to stop", err)
	}
	if app.State() != Closed {
		t.Errorf("ended as %v", app.State())
	}
}

func TestKafkaConfigIsTheAppsOwn(t *testing.T) {
	c := valid()
	c.ClientID, c.Rack, c.TLS, c.Logger = "c", "r", &tls.Config{ServerName: "s"}, slog.Default()
	k := c.kafka()
	if k.ClientID != "c" || k.Rack != "r" || k.TLS != c.TLS || k.Logger != c.Logger || len(k.Brokers) != 1 || k.Dial != nil {
		t.Errorf("got %+v", k)
	}
}

func FuzzValidate(f *testing.F) {
	for _, id := range badIDs {
		f.Add(id, "localhost:9092", int64(0))
	}
	f.Add("ok", "[::1]:1", int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, id, broker string, number int64) {
		c := Config{
			ApplicationID: id, InstanceID: id, Brokers: []string{broker}, CommitInterval: time.Duration(number),
			MemoryLimit: number, Loops: int(number), StateDir: "s",
		}
		if err := c.Validate(); err != nil {
			if !errors.Is(err, ErrConfig) {
				t.Errorf("%v is not ErrConfig", err)
			}
			return
		}
		// What is let pass stays where it is put.
		if filepath.Base(id) != id || !filepath.IsLocal(id) || len(id) > 200 || number < 0 {
			t.Errorf("id %q, number %d were let pass", id, number)
		}
	})
}
