package pitwheel_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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

// forget has the group not know the instance any more when it joins again for a rebalance, and keeps it
// waiting at the door until released: others have its tasks meanwhile, and it does not know.
func (b *broker) forget(instance string) (forgotten <-chan struct{}, release func()) {
	gone, released := make(chan struct{}), make(chan struct{})
	b.ControlKey(kmsg.JoinGroup.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		join := r.(*kmsg.JoinGroupRequest)
		if join.InstanceID == nil || *join.InstanceID != instance {
			return nil, nil, false
		}
		select {
		case <-gone:
			b.SleepControl(func() { <-released })
			return nil, nil, false
		default:
		}
		close(gone)
		answer := r.ResponseKind().(*kmsg.JoinGroupResponse)
		answer.ErrorCode = kerr.UnknownMemberID.Code
		return answer, nil, true
	})
	return gone, sync.OnceFunc(func() { close(released) })
}

// TestMemberThatIsForgottenBeginsAnew has a member go on with tasks that others have and commit for, until
// it is let in again: what it did with them must not count.
func TestMemberThatIsForgottenBeginsAnew(t *testing.T) {
	b := newBroker(t, 4, "words", "counts")
	record, want := counting(10)
	config := func(name string) pitwheel.Config {
		c := b.config(t)
		c.InstanceID, c.StateDir = name, filepath.Join(t.TempDir(), name)
		return c
	}
	one, stopOne := start(t, wordCounts(t), config("one"))
	b.produce("words", 500, record)
	b.checkSequences("counts", want(500))
	await(t, "the first instance to run", func() bool { return one.State() == pitwheel.Running })

	forgotten, release := b.forget("one")
	defer release()
	two, stopTwo := start(t, wordCounts(t), config("two"))
	<-forgotten
	b.kick("one")
	await(t, "the second instance to have all tasks", func() bool { return two.State() == pitwheel.Running })
	moved := b.records("app-word-counts-repartition")
	b.produce("words", 500, record)
	await(t, "both to have processed the same records, and one to have committed", func() bool {
		return b.records("app-word-counts-repartition") >= moved+1000 && two.Metrics().Processed >= 500
	})
	release()
	await(t, "both instances to run", func() bool { return one.State() == pitwheel.Running && two.State() == pitwheel.Running })
	b.produce("words", 500, record)
	b.checkSequences("counts", want(1500))
	for _, stop := range []func() error{stopOne, stopTwo} {
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
