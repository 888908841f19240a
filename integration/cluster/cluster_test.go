package cluster_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/pitwheel/pitwheel/integration/cluster"
)

// abandon makes the test binary start a cluster and never close it.
const abandon = "PITWHEEL_ABANDON"

func TestMain(m *testing.M) {
	if os.Getenv(abandon) != "" {
		c, err := cluster.Start(context.Background(), cluster.Config{})
		_, _ = fmt.Fprintln(os.Stdout, err, c.Addrs())
		select {} // until it is killed
	}
	goleak.VerifyTestMain(m)
}

func start(t *testing.T, config cluster.Config) *cluster.Cluster {
	t.Helper()
	began := time.Now()
	c, err := cluster.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready in %v", time.Since(began).Round(100*time.Millisecond))
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// minute bounds what should take seconds.
func minute(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// send writes n records in one transaction.
func send(t *testing.T, c *cluster.Cluster, id string, n int) {
	t.Helper()
	k, err := kgo.NewClient(kgo.SeedBrokers(c.Addrs()...), kgo.TransactionalID(id), kgo.DefaultProduceTopic("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	ctx := minute(t)
	if err := k.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		k.Produce(ctx, kgo.StringRecord(fmt.Sprintf("%s-%d", id, i)), nil)
	}
	if err := k.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if err := k.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
}

// receive reads n committed records from the beginning, and checks that each is there once.
func receive(t *testing.T, c *cluster.Cluster, n int) {
	t.Helper()
	k, err := kgo.NewClient(kgo.SeedBrokers(c.Addrs()...), kgo.ConsumeTopics("t"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	ctx, seen := minute(t), map[string]bool{}
	for len(seen) < n {
		k.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			if seen[string(r.Value)] {
				t.Errorf("%s is there twice", r.Value)
			}
			seen[string(r.Value)] = true
		})
		if ctx.Err() != nil {
			t.Fatalf("got %d records of %d", len(seen), n)
		}
	}
}

func createTopic(t *testing.T, c *cluster.Cluster, partitions int32) {
	t.Helper()
	k, err := kgo.NewClient(kgo.SeedBrokers(c.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if _, err := kadm.NewClient(k).CreateTopic(minute(t), partitions, -1, nil, "t"); err != nil {
		t.Fatal(err)
	}
}

func TestBrokerKeepsItsAddressAndItsData(t *testing.T) {
	c := start(t, cluster.Config{})
	addrs := c.Addrs()
	createTopic(t, c, 3)
	send(t, c, "a", 1000)
	for what, down := range map[string]func(context.Context, int) error{"kill": c.Kill, "stop": c.Stop} {
		if err := down(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := c.Restart(minute(t), 0); err != nil {
			t.Fatal(err)
		}
		t.Logf("ready %v after the start that followed a %s", time.Since(began).Round(100*time.Millisecond), what)
	}
	if !slices.Equal(addrs, c.Addrs()) {
		t.Errorf("it was at %v and is at %v", addrs, c.Addrs())
	}
	send(t, c, "b", 1000)
	receive(t, c, 2000)
}

func TestPausedBrokerAnswersNothingUntilItGoesOn(t *testing.T) {
	c := start(t, cluster.Config{})
	createTopic(t, c, 1)
	if err := c.Pause(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	k, err := kgo.NewClient(kgo.SeedBrokers(c.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := k.Ping(ctx); err == nil {
		t.Error("it answers")
	}
	if err := c.Unpause(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	send(t, c, "a", 10)
	receive(t, c, 10)
}

func TestThreeBrokersGoOnWithTwo(t *testing.T) {
	c := start(t, cluster.Config{Brokers: 3})
	createTopic(t, c, 6)
	send(t, c, "a", 1000)
	if err := c.Kill(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	send(t, c, "b", 1000)
	receive(t, c, 2000)
	if err := c.Restart(minute(t), 2); err != nil {
		t.Fatal(err)
	}
	if err := c.AwaitInSync(minute(t)); err != nil {
		t.Fatal(err)
	}
	out, err := c.Exec(minute(t), 0, "/opt/kafka/bin/kafka-topics.sh", "--bootstrap-server", "localhost:19092", "--describe")
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"t", "__transaction_state"} {
		if want := "Topic: " + topic + "\t"; !strings.Contains(out, want) || !strings.Contains(out, "ReplicationFactor: 3") {
			t.Errorf("%q with 3 replicas is not in\n%s", want, out)
		}
	}
}

func TestBrokerThatCannotStartSaysWhy(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := cluster.Start(ctx, cluster.Config{Properties: map[string]string{"log.segment.bytes": "none"}})
	if err == nil || !strings.Contains(err.Error(), "log.segment.bytes") {
		t.Errorf("got %v", err)
	}
}

func TestNothingIsLeftOfAProcessThatIsKilled(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), abandon+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var startErr, addr string
	if _, err := fmt.Fscan(out, &startErr, &addr); err != nil || startErr != "<nil>" {
		t.Fatal(startErr, addr, err)
	}
	_, port, _ := strings.Cut(strings.Trim(addr, "[]"), ":")
	published := func() string {
		ids, err := exec.CommandContext(t.Context(), "docker", "ps", "-aq", "--filter", "publish="+port).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(ids))
	}
	if published() == "" {
		t.Fatal("there is no container that it could leave")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for end := time.Now().Add(30 * time.Second); published() != ""; {
		if time.Now().After(end) {
			t.Fatal("its container is still there")
		}
	}
}
