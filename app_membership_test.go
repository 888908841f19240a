package pitwheel_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel"
)

// kick removes members of the group, as an operator would: those instances, or all.
func (b *broker) kick(instances ...string) {
	b.t.Helper()
	groups, err := kadm.NewClient(b.client).DescribeGroups(context.Background(), "app")
	if err != nil {
		b.t.Fatal(err)
	}
	for _, m := range groups["app"].Members {
		if len(instances) > 0 && (m.InstanceID == nil || !slices.Contains(instances, *m.InstanceID)) {
			continue
		}
		req := kmsg.NewPtrLeaveGroupRequest()
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID, member.InstanceID = m.MemberID, m.InstanceID
		req.Group, req.Members = "app", append(req.Members, member)
		if _, err := req.RequestWith(context.Background(), b.client); err != nil {
			b.t.Fatal(err)
		}
	}
}

// counting is the word of record i among so many, and what is to be counted of the first n.
func counting(words int) (record func(i int) (string, string), want func(n int) map[string]int64) {
	record = func(i int) (string, string) { return fmt.Sprint(i), fmt.Sprintf("w%d", i%words) }
	want = func(n int) map[string]int64 {
		counts := map[string]int64{}
		for i := range n {
			counts[fmt.Sprintf("w%d", i%words)]++
		}
		return counts
	}
	return record, want
}

// TestRemovedInstanceJoinsAgain has the group throw the instance out, idle and in the middle of work:
// it drops what is not committed and joins again by itself.
func TestRemovedInstanceJoinsAgain(t *testing.T) {
	for name, busy := range map[string]bool{"idle": false, "busy": true} {
		t.Run(name, func(t *testing.T) {
			b := newBroker(t, 3, "words", "counts")
			record, want := counting(10)
			app, stop := start(t, wordCounts(t), b.config(t))
			b.produce("words", 100, record)
			await(t, "the app to run", func() bool { return app.State() == pitwheel.Running })
			if busy {
				b.awaitRecords("counts", 1)
				b.kick()
				b.produce("words", 100, record)
				b.checkSequences("counts", want(200))
			} else {
				b.checkSequences("counts", want(100))
				b.kick()
				await(t, "the app to notice", func() bool { return app.State() == pitwheel.Rebalancing })
				b.produce("words", 100, record)
				b.checkSequences("counts", want(200))
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestMemberThatIsForgottenBeginsAnew has the group not know a member any more that joins again for a
// rebalance: its tasks may have been with others, so it goes back to what is committed.
func TestMemberThatIsForgottenBeginsAnew(t *testing.T) {
	b := newBroker(t, 4, "words", "counts")
	record, want := counting(10)
	brought := &restores{}
	c := b.config(t)
	c.InstanceID, c.OnRestore = "one", brought.note
	app, stop := start(t, wordCounts(t), c)
	b.produce("words", 500, record)
	b.checkSequences("counts", want(500))
	await(t, "the app to run", func() bool { return app.State() == pitwheel.Running })
	brought.take()

	fault := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Group: "app", Err: kerr.UnknownMemberID, Count: 1, When: func(r kmsg.Request) bool {
		join, ok := r.(*kmsg.JoinGroupRequest)
		return ok && join.MemberID != "" && join.InstanceID != nil && *join.InstanceID == "one"
	}})
	other := b.config(t)
	other.InstanceID, other.StateDir = "two", filepath.Join(t.TempDir(), "two")
	second, stopSecond := start(t, wordCounts(t), other)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := fault.Wait(ctx, 1); err != nil {
		t.Fatal(err)
	}
	b.produce("words", 500, record)
	await(t, "both instances to run", func() bool { return app.State() == pitwheel.Running && second.State() == pitwheel.Running })
	b.produce("words", 500, record)
	b.checkSequences("counts", want(1500))
	if tasks, _ := brought.take(); tasks == 0 {
		t.Error("the forgotten member went on with its tasks as if nothing had happened")
	}
	for _, stop := range []func() error{stop, stopSecond} {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}

// TestManyTasksAreLostAtOnce has one loop lose more tasks than commits may fail in a row.
func TestManyTasksAreLostAtOnce(t *testing.T) {
	b := newBroker(t, 70, "words", "counts")
	record, want := counting(10)
	c := b.config(t)
	c.Loops = 1
	app, stop := start(t, wordCounts(t), c)
	b.produce("words", 300, record)
	b.checkSequences("counts", want(300))
	await(t, "the app to run", func() bool { return app.State() == pitwheel.Running })
	fault := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.UnknownMemberID, Count: 1})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := fault.Wait(ctx, 1); err != nil {
		t.Fatal(err)
	}
	b.produce("words", 300, record)
	b.checkSequences("counts", want(600))
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestTwoInstancesOfOneIDAreToldSo starts a second instance under the id of the first.
func TestTwoInstancesOfOneIDAreToldSo(t *testing.T) {
	b := newBroker(t, 2, "words", "counts")
	record, _ := counting(10)
	ended := make(chan error, 2)
	run := func(dir string) context.CancelFunc {
		c := b.config(t)
		c.InstanceID, c.StateDir = "same", filepath.Join(t.TempDir(), dir)
		app, err := pitwheel.New(wordCounts(t), c)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		go func() { ended <- app.Run(ctx) }()
		return cancel
	}
	stopOne := run("one")
	defer stopOne()
	b.produce("words", 100, record)
	b.awaitRecords("counts", 1)
	stopTwo := run("two")
	defer stopTwo()
	err := <-ended
	if err == nil || !strings.Contains(err.Error(), "Config.InstanceID") {
		t.Errorf("got %v, want an error that names Config.InstanceID", err)
	}
	stopOne()
	stopTwo()
	<-ended
}
