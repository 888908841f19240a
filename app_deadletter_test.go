package pitwheel_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// workerLetters makes a worker process one that dead-letters what is no number, and copies the rest.
const workerLetters = "PITWHEEL_TEST_LETTERS"

var numberWords = topology.NewTopic("words", serde.String(), serde.Int64())

func copyNumbers(b *topology.Builder) {
	b.Stream(numberWords).To(topology.NewTopic("copies", serde.String(), serde.Int64()))
}

func lettersPlan(c *pitwheel.Config) (*topology.Plan, error) {
	c.OnError.Decode = topology.DeadLetter("dead")
	b := topology.NewBuilder()
	copyNumbers(b)
	return b.Build()
}

// numbered is the i-th record: every third is no number.
func numbered(i int) (key, value string) {
	if i%3 == 1 {
		return "k", fmt.Sprint("no number ", i)
	}
	return "k", fmt.Sprintf("%08d", i)
}

// killer kills a worker process when it asks to commit a transaction with dead letters in it.
type killer struct {
	mu      sync.Mutex
	victim  *exec.Cmd
	letters bool // were written since the last kill
	killed  chan struct{}
}

func newKiller(b *broker, topic string) *killer {
	k := &killer{}
	id := b.TopicInfo(topic).TopicID
	b.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		k.mu.Lock()
		defer k.mu.Unlock()
		for _, of := range r.(*kmsg.ProduceRequest).Topics {
			k.letters = k.letters || of.Topic == topic || of.TopicID == id
		}
		return nil, nil, false
	})
	b.ControlKey(int16(kmsg.EndTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.victim == nil || !r.(*kmsg.EndTxnRequest).Commit || !k.letters {
			return nil, nil, false
		}
		_ = k.victim.Process.Kill()
		k.victim, k.letters = nil, false
		close(k.killed)
		return nil, errors.New("the connection is lost"), true
	})
	return k
}

// aim chooses the next process to be killed; the channel is closed when it is.
func (k *killer) aim(at *exec.Cmd) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.victim, k.letters, k.killed = at, false, make(chan struct{})
	return k.killed
}

// lettersWorker starts a process that writes dead letters.
func lettersWorker(t *testing.T, b *broker, state string) *exec.Cmd {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(executable)
	cmd.Env = append(os.Environ(), workerBrokers+"="+strings.Join(b.ListenAddrs(), ","), workerState+"="+state, workerLetters+"=yes")
	cmd.Stderr = testWriter{t}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// TestDeadLettersAreCommittedWithTheirOffsets kills a worker process when its dead letters are written
// and its commit is not: whoever reads committed records sees each dead letter once.
func TestDeadLettersAreCommittedWithTheirOffsets(t *testing.T) {
	const kills, each = 3, 50
	b := newBroker(t, 1, "words", "copies", "dead")
	state := filepath.Join(t.TempDir(), "state")
	k := newKiller(b, "dead")
	sent := 0
	var want []string
	for range kills {
		from := sent
		worker := lettersWorker(t, b, state)
		killed := k.aim(worker)
		b.produce("words", each, func(i int) (string, string) { return numbered(from + i) })
		for range each {
			if _, v := numbered(sent); strings.HasPrefix(v, "no") {
				want = append(want, v)
			}
			sent++
		}
		<-killed
		_ = worker.Wait()
	}
	last := lettersWorker(t, b, state)
	defer func() {
		_ = last.Process.Kill()
		_ = last.Wait()
	}()
	b.values("copies", sent-len(want))
	got, headers := b.values("dead", len(want))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
	checkLetter(t, headers[0], map[string]string{
		"__streams.errors.topic": "words", "__streams.errors.partition": "0", "__streams.errors.offset": "1", "pitwheel.errors.reason": "decode_value",
	}, "int64")
}

// The limit counts what policies let pass, and ends the app with the next.
func TestMaxErrorsEndsTheApp(t *testing.T) {
	b := newBroker(t, 1, "words", "copies", "dead")
	b.produce("words", 60, numbered)
	c := b.config(t)
	c.OnError.Decode, c.MaxErrors = topology.DeadLetter("dead"), 19
	plan := planOf(t, copyNumbers)
	why := failure(t, plan, c)
	for _, part := range []string{"Config.MaxErrors lets 19 pass", "decode_value: 19 passed", `topic "words" partition 0 offset 58`, "int64"} {
		if !strings.Contains(why, part) {
			t.Errorf("got %q, want %q in it", why, part)
		}
	}
	c.MaxErrors = 20
	app, stop := start(t, plan, c)
	await(t, "all records", func() bool { return b.records("copies") >= 40 && app.Metrics().Processed > 0 })
	b.values("copies", 40)
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A dead-letter topic is the user's to make.
func TestMissingDeadLetterTopicsAreNamed(t *testing.T) {
	b := newBroker(t, 1, "words", "copies")
	c := b.config(t)
	c.OnError = topology.ErrorPolicies{Decode: topology.DeadLetter("dead-bytes"), Produce: topology.DeadLetter("dead-outputs")}
	why := failure(t, planOf(t, copyNumbers), c)
	for _, part := range []string{`"dead-bytes"`, `"dead-outputs"`, "for dead letters", "create it"} {
		if !strings.Contains(why, part) {
			t.Errorf("got %q, want %q in it", why, part)
		}
	}
}
