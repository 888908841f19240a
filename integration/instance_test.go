package integration_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/integration/kafkatest"
	"github.com/pitwheel/pitwheel/topology"
)

// instanceVariable makes the test binary an instance of an application.
const instanceVariable = "PITWHEEL_INSTANCE"

func TestMain(m *testing.M) {
	if text := os.Getenv(instanceVariable); text != "" {
		if err := runInstance(text); err != nil {
			_, _ = fmt.Fprintln(os.Stdout, "failed:", err)
			os.Exit(1)
		}
		return
	}
	kafkatest.Main(m)
}

// place is an instance's: it outlives its processes.
type place struct {
	App      application
	Brokers  []string
	StateDir string
	Session  time.Duration
	Instance string // the member's name; empty: the one that StateDir keeps
	Latest   latest // if its Numbers are named, this is what runs in place of App
}

// sessionTimeout is what the tests' instances have, so that a dead one is missed soon.
const sessionTimeout = 6 * time.Second

func newPlace(t *testing.T, k *kafkatest.Kafka, app application) place {
	t.Helper()
	return place{App: app, Brokers: k.Brokers, StateDir: filepath.Join(t.TempDir(), "state"), Session: sessionTimeout}
}

func (p place) config() pitwheel.Config {
	return pitwheel.Config{
		ApplicationID: cmp.Or(p.Latest.ID, p.App.ID), InstanceID: p.Instance, Brokers: p.Brokers, StateDir: p.StateDir, SessionTimeout: p.Session,
		Loops: 2, FlushInterval: time.Second, MemoryLimit: 256 << 20,
	}
}

// runInstance is the life of a process that is an instance: it says what happens to it, a line each,
// until it is killed or told to stop.
func runInstance(text string) error {
	var p place
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return err
	}
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintf(os.Stdout, format+"\n", args...)
	}
	plan, err := p.plan(say)
	if err != nil {
		return err
	}
	c := p.config()
	c.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c.OnStateChange = func(_, now pitwheel.State) { say("state %s", now) }
	var began time.Time // when the first restore did
	var before time.Duration
	c.OnRestore = func(r pitwheel.Restore) {
		if r.Store == "" {
			return
		}
		mu.Lock()
		if began.IsZero() {
			began, before = time.Now(), processCPU()
		}
		took, used := time.Since(began), processCPU()-before
		mu.Unlock()
		if r.Event == pitwheel.RestoreDone {
			say("restoring took %d ms and %d ms of CPU", took.Milliseconds(), used.Milliseconds())
			say("restored %d", r.Records)
		}
	}
	app, err := pitwheel.New(plan, c)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return app.Run(ctx)
}

func (p place) plan(say func(format string, args ...any)) (*topology.Plan, error) {
	if p.Latest.Numbers != "" {
		return p.Latest.plan(func() { say("first %d", time.Now().UnixMicro()) })
	}
	return p.App.plan()
}

// processCPU is what this process has used.
func processCPU() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// instance is a process.
type instance struct {
	t    *testing.T
	cmd  *exec.Cmd
	read sync.WaitGroup

	mu    sync.Mutex
	lines []string
}

func (p place) start(t *testing.T) *instance {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{t: t, cmd: exec.Command(os.Args[0])}
	i.cmd.Env = append(os.Environ(), instanceVariable+"="+string(text))
	i.cmd.Stderr = t.Output()
	out, err := i.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := i.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	i.read.Go(func() { i.listen(out) })
	t.Cleanup(i.kill)
	return i
}

func (i *instance) listen(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		i.mu.Lock()
		i.lines = append(i.lines, lines.Text())
		i.mu.Unlock()
	}
}

// said is the lines that begin so, without that.
func (i *instance) said(prefix string) (rest []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, line := range i.lines {
		if after, ok := strings.CutPrefix(line, prefix); ok {
			rest = append(rest, after)
		}
	}
	return rest
}

func (i *instance) awaitRunning() {
	i.t.Helper()
	await(i.t, "the instance to run", func() bool {
		states := i.said("state ")
		return len(states) > 0 && states[len(states)-1] == pitwheel.Running.String()
	})
}

// restored is how many records the instance has read back from changelogs.
func (i *instance) restored() (sum int) {
	for _, text := range i.said("restored ") {
		var n int
		_, _ = fmt.Sscan(text, &n)
		sum += n
	}
	return sum
}

// kill is kill -9. It may have ended before.
func (i *instance) kill() {
	if i.cmd.ProcessState != nil {
		return
	}
	_ = i.cmd.Process.Kill()
	i.read.Wait()
	_ = i.cmd.Wait()
}

// stop ends it as SIGTERM does.
func (i *instance) stop() {
	i.t.Helper()
	_ = i.cmd.Process.Signal(syscall.SIGTERM)
	i.read.Wait()
	if err := i.cmd.Wait(); err != nil {
		i.t.Errorf("the instance ended with %v: %v", err, i.said("failed:"))
	}
}

// patience is how long anything may take. Machines of CI are slow, and a broker that died takes its
// time.
const patience = 3 * time.Minute

// await waits until it is so.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(patience)
	defer end.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// admin asks the brokers. Its client is the test's.
func admin(t *testing.T, k *kafkatest.Kafka) *kadm.Client {
	t.Helper()
	admins.Lock()
	defer admins.Unlock()
	if a := admins.of[t]; a != nil {
		return a
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Brokers...), kgo.MetadataMinAge(250*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		admins.Lock()
		defer admins.Unlock()
		delete(admins.of, t)
		client.Close()
	})
	admins.of[t] = kadm.NewClient(client)
	return admins.of[t]
}

var admins = struct {
	sync.Mutex
	of map[*testing.T]*kadm.Client
}{of: map[*testing.T]*kadm.Client{}}
