package reactor

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/changelog"
	"github.com/pitwheel/pitwheel/record"
)

var (
	in0 = record.Partition{Topic: "in", ID: 3}
	in1 = record.Partition{Topic: "other", ID: 3}
	in2 = record.Partition{Topic: "third", ID: 3}
)

func TestReadProof(t *testing.T) {
	times := func(name string, at record.Time) map[string]record.Time { return map[string]record.Time{name: at} }
	tests := []struct {
		name      string
		committed map[record.Partition]CommittedOffset
		want      Proof
	}{
		{
			name: "nothing committed",
			want: Proof{},
		},
		{
			name:      "an offset without metadata",
			committed: map[record.Partition]CommittedOffset{in0: {At: 7}},
			want:      Proof{Found: true, Offsets: map[record.Partition]Offset{in0: {Partition: in0, At: 7, Time: -1}}},
		},
		{
			name: "Java's metadata has no number",
			committed: map[record.Partition]CommittedOffset{
				in0: {At: 7, Metadata: changelog.Metadata{PartitionTime: 50, Marks: times("w", 40)}.Encode()},
			},
			want: Proof{
				Found: true, Marks: times("w", 40),
				Offsets: map[record.Partition]Offset{in0: {Partition: in0, At: 7, Time: 50}},
			},
		},
		{
			name: "one commit, positions spread over the partitions",
			committed: map[record.Partition]CommittedOffset{
				in0: {At: 7, Metadata: changelog.Metadata{PartitionTime: 50, Seq: 3, Owner: 9, Positions: map[string]int64{"a": 10}}.Encode()},
				in1: {At: 8, Metadata: changelog.Metadata{PartitionTime: 60, Seq: 3, Owner: 9, Positions: map[string]int64{"b": 20}}.Encode()},
			},
			want: Proof{
				Found: true, Seq: 3, Owner: 9, Positions: map[string]int64{"a": 10, "b": 20},
				Offsets: map[record.Partition]Offset{
					in0: {Partition: in0, At: 7, Time: 50}, in1: {Partition: in1, At: 8, Time: 60},
				},
			},
		},
		{
			name: "the highest number wins, with its owner and positions; of times the highest; one without is foreign",
			committed: map[record.Partition]CommittedOffset{
				in0: {At: 7, Metadata: changelog.Metadata{Seq: 3, Owner: 9, Positions: map[string]int64{"a": 999}, Marks: times("w", 70)}.Encode()},
				in1: {At: 8, Metadata: changelog.Metadata{Seq: 5, Owner: 11, Positions: map[string]int64{"a": 20}, Marks: times("w", 60)}.Encode()},
				in2: {At: 9},
			},
			want: Proof{
				Found: true, Seq: 5, Owner: 11, Positions: map[string]int64{"a": 20}, Marks: times("w", 70),
				Foreign: []record.Partition{in2},
				Offsets: map[record.Partition]Offset{
					in0: {Partition: in0, At: 7}, in1: {Partition: in1, At: 8}, in2: {Partition: in2, At: 9, Time: -1},
				},
			},
		},
		{
			name: "a time before the epoch",
			committed: map[record.Partition]CommittedOffset{
				in0: {Metadata: changelog.Metadata{Marks: times("w", -5)}.Encode()},
			},
			want: Proof{Found: true, Marks: times("w", -5), Offsets: map[record.Partition]Offset{in0: {Partition: in0}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// Maps have no order: one run may be lucky.
			for range 20 {
				got, err := ReadProof(tt.committed)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(withMaps(tt.want), got); diff != "" {
					t.Fatalf("-want +got:\n%s", diff)
				}
			}
		})
	}
}

// withMaps is p with empty maps for nil ones.
func withMaps(p Proof) Proof {
	if p.Positions == nil {
		p.Positions = map[string]int64{}
	}
	if p.Marks == nil {
		p.Marks = map[string]record.Time{}
	}
	if p.Inputs == nil {
		p.Inputs = map[record.Partition]int64{}
	}
	if p.Offsets == nil {
		p.Offsets = map[record.Partition]Offset{}
	}
	return p
}

func TestBrokenMetadataNamesThePartition(t *testing.T) {
	_, err := ReadProof(map[record.Partition]CommittedOffset{in0: {At: 7, Metadata: "reset by hand"}})
	if !errors.Is(err, changelog.ErrMetadata) {
		t.Fatalf("got %v, want ErrMetadata", err)
	}
	for _, part := range []string{`"in"`, "partition 3"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// The baseline of these tests: everything agrees, local state is 5 records behind.
func agreeing() (Proof, Local) {
	return Proof{Found: true, Seq: 7, Owner: 1, Positions: map[string]int64{"s": 100}},
		Local{
			Seq: 6, Positions: map[string]int64{"s": 95}, ExactlyOnce: true,
			Volatile: map[string]bool{}, Windows: map[string]bool{},
			Starts: map[string]int64{"s": 0}, Ends: map[string]int64{"s": 101},
		}
}

func TestCheckSaysWhereToRestoreFrom(t *testing.T) {
	tests := []struct {
		name string
		edit func(p *Proof, l *Local)
		want map[string]int64
	}{
		{"behind: the tail", func(*Proof, *Local) {}, map[string]int64{"s": 95}},
		{"at the commit: nothing but the marker", func(_ *Proof, l *Local) { l.Seq, l.Positions["s"] = 7, 100 }, map[string]int64{"s": 100}},
		{"no local state: everything", func(_ *Proof, l *Local) { l.Seq, l.Positions = 0, nil }, map[string]int64{"s": 0}},
		{"in memory: everything, whatever the checkpoint says", func(_ *Proof, l *Local) {
			l.Volatile["s"], l.Positions["s"] = true, 500
		}, map[string]int64{"s": 0}},
		{"fresh start", func(p *Proof, l *Local) {
			*p, l.Seq, l.Positions, l.Ends["s"] = Proof{}, 0, nil, 0
		}, map[string]int64{"s": 0}},
		{"at least once, restored before the first commit", func(p *Proof, l *Local) {
			*p, l.Seq, l.ExactlyOnce = Proof{}, 0, false
		}, map[string]int64{"s": 95}},
		{"no offsets, state in memory", func(p *Proof, l *Local) {
			*p, l.Seq, l.Volatile["s"] = Proof{}, 0, true
		}, map[string]int64{"s": 0}},
		{"Java's offsets: adopted", func(p *Proof, l *Local) {
			*p, l.Seq, l.Positions = Proof{Found: true}, 0, nil
		}, map[string]int64{"s": 0}},
		{"a store that no commit has named yet", func(_ *Proof, l *Local) {
			l.Starts["new"], l.Ends["new"] = 0, 0
		}, map[string]int64{"s": 95, "new": 0}},
		{"a changelog that forgets by time: from what is left", func(_ *Proof, l *Local) {
			l.Windows["s"], l.Starts["s"] = true, 98
		}, map[string]int64{"s": 98}},
		{"a changelog of windows that forgot what is here", func(_ *Proof, l *Local) {
			l.Windows["s"], l.Starts["s"] = true, 50
		}, map[string]int64{"s": 95}},
		{"at least once local state may stand behind the commit", func(_ *Proof, l *Local) {
			l.ExactlyOnce, l.Positions["s"] = false, 101
		}, map[string]int64{"s": 101}},
		{"no logged store", func(_ *Proof, l *Local) { l.Ends = nil }, map[string]int64{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, l := agreeing()
			tt.edit(&p, &l)
			got, err := p.Check(l)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCheckRefusesWhatDoesNotBelongTogether(t *testing.T) {
	tests := []struct {
		name string
		edit func(p *Proof, l *Local)
		says []string
	}{
		{"offsets expired", func(p *Proof, _ *Local) { *p = Proof{} },
			[]string{"commit 6", "no offset is committed", "expired or were deleted", "start over"}},
		{"offsets set by a tool", func(p *Proof, _ *Local) { *p = Proof{Found: true} },
			[]string{"commit 6", "committed by something else", "put the offsets back", "start over"}},
		{"one of several offsets set by a tool", func(p *Proof, _ *Local) { p.Foreign = []record.Partition{in1} },
			[]string{`"other" partition 3`, "committed by something else", "commit 7", "put it back", "start over"}},
		{"no offsets, state restored before the first commit", func(p *Proof, l *Local) {
			*p, l.Seq = Proof{}, 0
		}, []string{`"s"`, "offset 95", "no offset is committed", "start over"}},
		{"offsets set back to an older commit", func(_ *Proof, l *Local) { l.Seq = 8 },
			[]string{"commit 8", "commit 7", "set back", "delete the task's directory"}},
		{"changelog lost its tail", func(_ *Proof, l *Local) { l.Ends["s"] = 99 },
			[]string{`"s"`, "offset 99", "up to 100", "lost records or was made anew", "restore the topic"}},
		{"changelog lost its tail, state in memory", func(_ *Proof, l *Local) { l.Volatile["s"], l.Ends["s"] = true, 99 },
			[]string{`"s"`, "offset 99", "up to 100"}},
		{"changelog was made anew", func(_ *Proof, l *Local) { l.Ends["s"] = 0 },
			[]string{`"s"`, "offset 0", "up to 100"}},
		{"local state is beyond the commit", func(_ *Proof, l *Local) { l.Positions["s"] = 101 },
			[]string{`"s"`, "offset 101", "is at 100", "ends at 101", "delete the task's directory"}},
		{"local state is beyond the changelog", func(p *Proof, l *Local) {
			delete(p.Positions, "s")
			l.Positions["s"] = 102
		}, []string{`"s"`, "offset 102", "ends at 101"}},
		{"at least once local state is beyond the changelog", func(_ *Proof, l *Local) {
			l.ExactlyOnce, l.Positions["s"] = false, 102
		}, []string{`"s"`, "offset 102", "ends at 101"}},
		{"the changelog begins behind local state", func(_ *Proof, l *Local) { l.Starts["s"] = 96 },
			[]string{`"s"`, "offset 95", "begins at 96", "records between are gone"}},
		{"the second store is wrong", func(p *Proof, l *Local) {
			p.Positions["t"], l.Starts["t"], l.Ends["t"] = 10, 0, 9
		}, []string{`"t"`, "offset 9", "up to 10"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, l := agreeing()
			tt.edit(&p, &l)
			from, err := p.Check(l)
			if !errors.Is(err, ErrDiverged) {
				t.Fatalf("Check = %v, %v, want ErrDiverged", from, err)
			}
			for _, part := range tt.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
		})
	}
}

func TestStrayRecordsAreRefused(t *testing.T) {
	ours, _ := agreeing()
	tests := []struct {
		name   string
		proof  Proof
		store  string
		offset int64
		refuse bool
	}{
		{"the commit's last record", ours, "s", 99, false},
		{"behind the commit", ours, "s", 100, true},
		{"far behind the commit", ours, "s", 1000, true},
		{"of a store that no commit names", ours, "new", 0, true},
		{"Java's offsets prove nothing", Proof{Found: true}, "s", 1000, false},
		{"no offsets at all", Proof{}, "s", 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.proof.Stray(tt.store, tt.offset)
			if errors.Is(err, ErrDiverged) != tt.refuse || (err != nil) != tt.refuse {
				t.Fatalf("Stray = %v, want refused: %v", err, tt.refuse)
			}
			if err == nil {
				return
			}
			for _, part := range []string{fmt.Sprintf("%q", tt.store), fmt.Sprintf("offset %d", tt.offset), fmt.Sprintf("commit %d", tt.proof.Seq)} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
		})
	}
}

func TestRestoreDoesNotClaimMoreThanTheCommit(t *testing.T) {
	p, _ := agreeing()
	tests := []struct {
		store       string
		position    int64
		exactlyOnce bool
		want        int64
	}{
		{"s", 50, true, 50},
		{"s", 100, true, 100},
		{"s", 105, true, 100}, // markers and aborted records
		{"s", 105, false, 105},
		{"new", 105, true, 105},
	}
	for _, tt := range tests {
		if got := p.Reached(tt.store, tt.position, tt.exactlyOnce); got != tt.want {
			t.Errorf("Reached(%q, %d, %v) = %d, want %d", tt.store, tt.position, tt.exactlyOnce, got, tt.want)
		}
	}
}

// What is written with a commit is what a later life reads.
func TestProofOfACommitIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z]{1,12}`)
		positions := rapid.MapOfN(name, rapid.Int64Range(0, 1<<40), 0, 6).Draw(t, "positions")
		c := &Commit{
			Seq: rapid.Int64Range(1, 1<<40).Draw(t, "seq"), Owner: rapid.Int64().Draw(t, "owner"),
			marks:   map[string]record.Time{},
			belongs: belonging{map[string]int64{"in0": rapid.Int64().Draw(t, "input")}, rapid.Int64().Draw(t, "changelogs"), rapid.Int64().Draw(t, "layouts")},
		}
		for store, at := range rapid.MapOfN(name, rapid.Int64Range(0, 1<<40), 0, 3).Draw(t, "marks") {
			c.marks[store] = record.Time(at)
		}
		want := Proof{Found: true, Seq: c.Seq, Owner: c.Owner, Positions: positions, Marks: c.marks, Offsets: map[record.Partition]Offset{},
			Inputs: map[record.Partition]int64{}, Changelogs: c.belongs.changelogs, Stores: c.belongs.stores}
		if of := c.belongs.inputs["in0"]; of != 0 {
			want.Inputs[record.Partition{Topic: "in0", ID: 1}] = of
		}
		for i := range rapid.IntRange(1, 4).Draw(t, "inputs") {
			o := Offset{
				Partition: record.Partition{Topic: fmt.Sprint("in", i), ID: 1},
				At:        rapid.Int64Range(0, 1<<40).Draw(t, "offset"), Time: record.Time(rapid.Int64Range(-1, 1<<40).Draw(t, "time")),
			}
			c.Offsets = append(c.Offsets, o)
			want.Offsets[o.Partition] = o
		}
		metadata, err := c.Metadata(positions)
		if err != nil {
			t.Fatal(err)
		}
		committed := map[record.Partition]CommittedOffset{}
		for _, o := range c.Offsets {
			committed[o.Partition] = CommittedOffset{At: o.At, Metadata: metadata[o.Partition]}
		}
		got, err := ReadProof(committed)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}

func TestPositionsAreSpreadOverThePartitions(t *testing.T) {
	c := &Commit{Seq: 4, Owner: 9, Offsets: []Offset{{Partition: in0, Time: 1}, {Partition: in1, Time: 2}, {Partition: in2, Time: 3}}}
	positions := map[string]int64{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}
	got, err := c.Metadata(positions)
	if err != nil {
		t.Fatal(err)
	}
	want := map[record.Partition][]string{in0: {"a", "d"}, in1: {"b", "e"}, in2: {"c"}}
	for of, names := range want {
		m, err := changelog.DecodeMetadata(got[of])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(names, slices.Sorted(maps.Keys(m.Positions))); diff != "" {
			t.Errorf("partition %v (-want +got):\n%s", of, diff)
		}
		if m.Seq != 4 || m.Owner != 9 {
			t.Errorf("partition %v has commit %d of owner %d, want 4 of 9", of, m.Seq, m.Owner)
		}
	}
}

// A broker that is not configured otherwise refuses more than 4096 bytes.
func TestMetadataIsHeldToTheBrokersBound(t *testing.T) {
	stores := func(n int) map[string]int64 {
		all := map[string]int64{}
		for i := range n {
			all[fmt.Sprintf("KSTREAM-AGGREGATE-STATE-STORE-%010d", i)] = 1
		}
		return all
	}
	one := &Commit{Seq: 1, Owner: 1, Offsets: []Offset{{Partition: in0}}}
	_, err := one.Metadata(stores(60))
	if err == nil {
		t.Fatal("60 stores with one input were let pass")
	}
	for _, part := range []string{`"in"`, "partition 3", "4096", "shorter names"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	two := &Commit{Seq: 1, Owner: 1, Offsets: []Offset{{Partition: in0}, {Partition: in1}}}
	metadata, err := two.Metadata(stores(60))
	if err != nil {
		t.Fatalf("60 stores do not fit two inputs: %v", err)
	}
	for of, text := range metadata {
		if len(text) > 4096 {
			t.Errorf("%v has %d bytes", of, len(text))
		}
	}
}

func TestPositionsNeverGoBack(t *testing.T) {
	c := &Commit{positions: map[string]int64{"a": 10, "b": 20, "quiet": 30}}
	got := c.Positions(map[string]int64{"a": 15, "b": 0, "new": 5})
	want := map[string]int64{"a": 15, "b": 20, "quiet": 30, "new": 5}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if c.positions["a"] != 10 {
		t.Error("the commit was changed")
	}
}
