package kafka

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/record"
)

var inZero = record.Partition{Topic: "in"}

// poll collects what is fetched until done says so. Each poll is short, so that a partition that
// stays silent is seen to.
func (j *joined) poll(t *testing.T, done func([]Fetched) bool) []Fetched {
	t.Helper()
	ctx := limited(t)
	var all []Fetched
	for !done(all) {
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		err := j.Poll(short, func(f Fetched) { all = append(all, f) })
		cancel()
		if err != nil || ctx.Err() != nil {
			t.Fatalf("got %v, then %v", all, err)
		}
	}
	return all
}

func values(all []Fetched) []string {
	got := []string{}
	for _, f := range all {
		for i := range f.Records {
			got = append(got, string(f.Records[i].Value))
		}
	}
	return got
}

// reached says that the position of the last fetch is there.
func reached(at int64) func([]Fetched) bool {
	return func(all []Fetched) bool { return len(all) > 0 && all[len(all)-1].Next >= at }
}

// start takes the assignment, seeks and resumes.
func (j *joined) start(t *testing.T, at int64) {
	t.Helper()
	of := next(t, j.assigned)
	j.loaded(t, of)
	to := map[record.Partition]int64{}
	for _, p := range of {
		to[p] = at
	}
	j.Seek(to)
	j.Resume(of)
}

// loaded waits until the client has the group's offsets, which it asks for behind the callback:
// until then it passes over Seek. An engine's task takes longer to open, and its position is the one
// that the client has found.
func (j *joined) loaded(t *testing.T, of []record.Partition) {
	t.Helper()
	for ctx := limited(t); ; wait(ctx, time.Millisecond) {
		known := j.client.CommittedOffsets()
		if !slices.ContainsFunc(of, func(p record.Partition) bool {
			_, ok := known[p.Topic][p.ID]
			return !ok
		}) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the client knows only %v", known)
		}
	}
}

func TestAssignedPartitionsAreSilentUntilResumed(t *testing.T) {
	f := newFake(t, 1, "in")
	f.fill("in", "a", "b")
	f.commitStart("in")
	c := f.join("", false, "in")
	defer c.Close(limited(t))
	of := next(t, c.assigned)
	if diff := cmp.Diff([]record.Partition{inZero}, of); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
	polls := 0
	silent := c.poll(t, func(all []Fetched) bool { polls++; return polls > 4 })
	if len(silent) > 0 {
		t.Errorf("fetched %v before Resume", silent)
	}
	c.loaded(t, of)
	c.Seek(map[record.Partition]int64{inZero: 1})
	c.Resume(of)
	if diff := cmp.Diff([]string{"b"}, values(c.poll(t, reached(2)))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPausedPartitionsGoOnWhereTheyWere(t *testing.T) {
	f := newFake(t, 1, "in")
	f.fill("in", "a")
	f.commitStart("in")
	c := f.join("", false, "in")
	defer c.Close(limited(t))
	c.start(t, 0)
	c.poll(t, reached(1))
	c.Pause([]record.Partition{inZero})
	f.fill("in", "b", "c")
	polls := 0
	if got := c.poll(t, func([]Fetched) bool { polls++; return polls > 4 }); len(got) > 0 {
		t.Errorf("fetched %v while paused", values(got))
	}
	c.Resume([]record.Partition{inZero})
	if diff := cmp.Diff([]string{"b", "c"}, values(c.poll(t, reached(3)))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Only committed records are seen; the position steps over aborted ones and over markers, so that a
// partition that ends with one is seen to be read to its end.
func TestPositionStepsOverMarkersAndAbortedRecords(t *testing.T) {
	f := newFake(t, 1, "in", "out")
	p := f.producer("id")
	write := func(commit bool, values ...string) {
		t.Helper()
		p.mustProduce(t, "out", values...)
		err := p.Flush(limited(t))
		if commit {
			err = errors.Join(err, p.Commit(limited(t), nobody, f.offset(1, "")))
		} else {
			err = errors.Join(err, p.Abort(limited(t)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write(true, "a", "b")           // 0 1, marker 2
	write(false, "x", "y")          // 3 4, marker 5
	write(true, "c")                // 6, marker 7
	write(false, "z")               // 8, marker 9
	p.mustProduce(t, "out", "open") // 10, undecided
	if err := p.Flush(limited(t)); err != nil {
		t.Fatal(err)
	}
	f.commitStart("out")
	c := f.join("", false, "out")
	defer c.Close(limited(t))
	c.start(t, 0)
	got := c.poll(t, reached(10))
	if diff := cmp.Diff([]string{"a", "b", "c"}, values(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	last := got[len(got)-1]
	if last.Next != 10 || last.End != 10 {
		t.Errorf("at %d of %d, want 10 of 10: the record behind is not decided", last.Next, last.End)
	}
	bytes, records := 0, 0
	for _, x := range got {
		bytes += x.Bytes
		records += len(x.Records)
	}
	if want := 3 * (1 + 96); bytes != want || records != 3 {
		t.Errorf("%d bytes of %d records, want %d of 3", bytes, records, want)
	}
}

func TestReaderStepsOverMarkersToo(t *testing.T) {
	f := newFake(t, 1, "in", "out")
	p := f.producer("id")
	p.mustProduce(t, "out", "a")
	if err := errors.Join(p.Flush(limited(t)), p.Commit(limited(t), nobody, f.offset(1, ""))); err != nil {
		t.Fatal(err)
	}
	p.mustProduce(t, "out", "given up")
	if err := errors.Join(p.Flush(limited(t)), p.Abort(limited(t))); err != nil {
		t.Fatal(err)
	}
	var got []Fetched
	f.read(record.Partition{Topic: "out"}, 0, 4, func(x Fetched) { got = append(got, x) })
	if diff := cmp.Diff([]string{"a"}, values(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// K3: where the position is no longer in the partition, nothing is skipped or read again silently.
func TestPositionOutOfRangeIsAnError(t *testing.T) {
	tests := []struct {
		name string
		seek int64
	}{
		{"records are gone", 1},
		{"records are not there yet", 99},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, 1, "in")
			f.fill("in", "a", "b", "c", "d")
			f.deleteBefore("in", 3)
			f.commitStart("in")
			c := f.join("", false, "in")
			defer c.Close(limited(t))
			c.start(t, tt.seek)
			ctx := limited(t)
			var err error
			for err == nil && ctx.Err() == nil {
				err = c.Poll(ctx, func(x Fetched) { t.Errorf("fetched %v", values([]Fetched{x})) })
			}
			if !errors.Is(err, ErrOutOfRange) || !strings.Contains(err.Error(), `"in" partition 0`) {
				t.Errorf("got %v, want ErrOutOfRange that names the partition", err)
			}
		})
	}
}

func (f *fake) deleteBefore(topic string, offset int64) {
	f.t.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	partition := kmsg.NewDeleteRecordsRequestTopicPartition()
	partition.Offset = offset
	of := kmsg.NewDeleteRecordsRequestTopic()
	of.Topic, of.Partitions = topic, append(of.Partitions, partition)
	req.Topics = append(req.Topics, of)
	resp, err := req.RequestWith(limited(f.t), f.plain())
	if err == nil {
		err = kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func TestFetchFailuresThatPassAreNotErrors(t *testing.T) {
	f := newFake(t, 1, "in")
	f.fill("in", "a", "b")
	fault := f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.NotLeaderForPartition, Count: 3})
	f.commitStart("in")
	c := f.join("", false, "in")
	defer c.Close(limited(t))
	c.start(t, 0)
	if diff := cmp.Diff([]string{"a", "b"}, values(c.poll(t, reached(2)))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if fault.Hits() == 0 {
		t.Error("the fault was not met")
	}
}

func TestFetchFailuresThatStayAreErrors(t *testing.T) {
	f := newFake(t, 1, "in")
	f.fill("in", "a")
	f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	f.commitStart("in")
	c := f.join("", false, "in")
	defer c.Close(limited(t))
	c.start(t, 0)
	ctx := limited(t)
	var err error
	for err == nil && ctx.Err() == nil {
		err = c.Poll(ctx, func(Fetched) {})
	}
	if !errors.Is(err, kerr.TopicAuthorizationFailed) || !strings.Contains(err.Error(), `"in" partition 0`) {
		t.Errorf("got %v, want an error that names partition and cause", err)
	}
}

func TestPollEndsWithItsContext(t *testing.T) {
	f := newFake(t, 1, "in")
	c := f.join("", false, "in")
	defer c.Close(limited(t))
	ctx, cancel := context.WithCancel(limited(t))
	cancel()
	if err := c.Poll(ctx, func(Fetched) {}); err != nil {
		t.Errorf("being asked to stop is an error: %v", err)
	}
}

// members of the group, by instance.
func (f *fake) members() []string {
	f.t.Helper()
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{"app"}
	resp, err := req.RequestWith(limited(f.t), f.plain())
	if err != nil {
		f.t.Fatal(err)
	}
	all := []string{}
	for _, m := range resp.Groups[0].Members {
		name := "dynamic"
		if m.InstanceID != nil {
			name = *m.InstanceID
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// KIP-345: a static member stays when it closes, so that its restart moves nothing; unless it is
// told to leave.
func TestStaticMemberStaysUnlessItLeaves(t *testing.T) {
	tests := []struct {
		name, instance string
		leave          bool
		want           []string
	}{
		{"static", "one", false, []string{"one"}},
		{"static, told to leave", "one", true, []string{}},
		{"dynamic", "", false, []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, 2, "in")
			c := f.join(tt.instance, tt.leave, "in")
			next(t, c.assigned)
			if c.Member().InstanceID != tt.instance {
				t.Errorf("member %+v", c.Member())
			}
			c.Close(limited(t))
			if diff := cmp.Diff(tt.want, f.members()); diff != "" {
				t.Errorf("members after Close (-want +got):\n%s", diff)
			}
		})
	}
}

// A join may take as long as others take to join: closing does not wait for it.
func TestCloseDoesNotWaitForAJoin(t *testing.T) {
	f := newFake(t, 1, "in")
	asked := make(chan struct{})
	f.ControlKey(kmsg.JoinGroup.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		close(asked)
		return nil, nil, true // and it is never answered
	})
	one := f.join("one", true, "in")
	<-asked
	begin := time.Now()
	one.Close(limited(t))
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("closing took %v", took)
	}
}

func TestRestartedStaticMemberGetsItsTasksBack(t *testing.T) {
	f := newFake(t, 4, "in")
	one, two := f.join("one", false, "in"), f.join("two", false, "in")
	defer two.Close(limited(t))
	// At rest each has two: whoever came first gave two up.
	owned := map[*joined]map[record.Partition]bool{one: {}, two: {}}
	settle := func() {
		for ctx := limited(t); len(owned[one]) != 2 || len(owned[two]) != 2; {
			take := func(j *joined, of []record.Partition, have bool) {
				for _, p := range of {
					if delete(owned[j], p); have {
						owned[j][p] = true
					}
				}
			}
			select {
			case of := <-one.assigned:
				take(one, of, true)
			case of := <-two.assigned:
				take(two, of, true)
			case of := <-one.revoked:
				take(one, of, false)
			case of := <-two.revoked:
				take(two, of, false)
			case <-ctx.Done():
				t.Fatalf("not at rest: %v", owned)
			}
		}
	}
	settle()
	before := owned[one]
	one.Close(limited(t))
	again := f.join("one", false, "in")
	defer again.Close(limited(t))
	got := map[record.Partition]bool{}
	for _, p := range next(t, again.assigned) {
		got[p] = true
	}
	if diff := cmp.Diff(before, got); diff != "" {
		t.Errorf("-before +after the restart:\n%s", diff)
	}
	for len(two.revoked) > 0 {
		if of := <-two.revoked; len(of) > 0 {
			t.Errorf("the restart took %v from the other member", of)
		}
	}
}

// Whoever is taken for gone is told so: its partitions are lost, not revoked.
func TestMemberThatWasThrownOutHasLostItsPartitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, "in")
		c := f.join("", false, "in")
		if of := <-c.assigned; len(of) != 1 {
			t.Fatalf("assigned %v", of)
		}
		f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.UnknownMemberID})
		if of := <-c.lost; len(of) != 1 {
			t.Errorf("lost %v", of)
		}
		if of := <-c.assigned; len(of) != 1 {
			t.Errorf("it did not come back: assigned %v", of)
		}
		select {
		case of := <-c.revoked:
			t.Errorf("revoked %v, though nothing could be committed any more", of)
		default:
		}
		c.Close(context.Background())
	})
}

func TestTopicsMayStartAtTheirEnd(t *testing.T) {
	k := &Consumer{of: ConsumerConfig{Latest: func(topic string) bool { return topic == "late" }}}
	at := func() map[string]map[int32]kgo.Offset {
		return map[string]map[int32]kgo.Offset{
			"late":  {0: kgo.NewOffset().AtStart(), 1: kgo.NewOffset().At(5)},
			"early": {0: kgo.NewOffset().AtStart()},
		}
	}
	got, err := k.startLatest(t.Context(), at())
	if err != nil {
		t.Fatal(err)
	}
	want := at()
	want["late"][0] = kgo.NewOffset().AtEnd()
	for topic, ids := range want {
		for id, offset := range ids {
			if got[topic][id].EpochOffset() != offset.EpochOffset() {
				t.Errorf("%s/%d starts at %v, want %v", topic, id, got[topic][id], offset)
			}
		}
	}
}
