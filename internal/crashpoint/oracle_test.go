package crashpoint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/changelog"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
)

const (
	chainsLog  = "app-chains-changelog"
	minutesLog = "app-minutes-changelog"
)

// check compares all that has come of the numbers with what must have. All lives have ended.
func (s *stage) check(instances ...*instance) {
	s.t.Helper()
	if open := s.openTransactions(); len(open) > 0 {
		s.t.Errorf("transactions are open: %v", open)
	}
	if !s.settled() {
		s.t.Error("the committed offsets are not at the end of the inputs")
	}
	chainResults, chainRows := s.read(chains.Name()), s.last(chainsLog)
	countResults, countRows := s.read(minutes.Name()), s.last(minutesLog)
	s.checkChains(chainResults, chainRows)
	s.checkCounts(countResults, countRows)
	s.checkDisks(instances, chainRows, countRows)
}

// read is what is committed of a topic, by key, in the order of its partitions.
func (s *stage) read(topic string) map[string][][]byte {
	s.t.Helper()
	at, ends, missing := map[int32]kgo.Offset{}, map[int32]int64{}, 0
	for _, p := range s.cluster.PartitionInfos(topic) {
		if p.LastStableOffset != p.HighWatermark {
			s.t.Errorf("topic %q partition %d: a transaction is open from offset %d on, of %d", topic, p.Partition, p.LastStableOffset, p.HighWatermark)
		}
		if p.LastStableOffset > p.LogStartOffset {
			at[p.Partition], ends[p.Partition] = kgo.NewOffset().AtStart(), p.LastStableOffset
			missing++
		}
	}
	records := map[string][][]byte{}
	if missing == 0 {
		return records
	}
	client, err := kgo.NewClient(s.options(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: at}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond))...)
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for missing > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			s.t.Errorf("topic %q: %d partitions cannot be read to their end", topic, missing)
			return records
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				records[string(r.Key)] = append(records[string(r.Key)], r.Value)
			}
			if r.Offset+1 >= ends[r.Partition] {
				missing--
			}
		})
	}
	return records
}

// last is the last value of each key.
func (s *stage) last(topic string) map[string][]byte {
	rows := map[string][]byte{}
	for key, values := range s.read(topic) {
		rows[key] = values[len(values)-1]
	}
	return rows
}

func (s *stage) exactly() bool { return s.guarantee == pitwheel.ExactlyOnce }

// checkChains compares the chains: exactly once each is there after each of its numbers, and at least
// once each number is in its chain.
func (s *stage) checkChains(results map[string][][]byte, rows map[string][]byte) {
	s.t.Helper()
	for _, key := range sorted(s.chains) {
		whole := ""
		for i, number := range s.chains[key] {
			whole = link(whole, number)
			if s.exactly() && (i >= len(results[key]) || string(results[key][i]) != whole) {
				s.t.Errorf("key %q: result %d of %d is not its first numbers: %q", key, i+1, len(s.chains[key]), at(results[key], i))
				break
			}
		}
		if extra := len(results[key]) - len(s.chains[key]); s.exactly() && extra > 0 {
			s.t.Errorf("key %q has %d results too many", key, extra)
		}
		if !s.exactly() {
			s.checkContains(fmt.Sprintf("the results of key %q", key), string(at(results[key], len(results[key])-1)), s.chains[key])
			s.checkContains(fmt.Sprintf("the changelog of key %q", key), string(rows[key]), s.chains[key])
		} else if string(rows[key]) != whole {
			s.t.Errorf("key %q: the changelog has %q, want %q", key, rows[key], whole)
		}
	}
	if len(results) != len(s.chains) || len(rows) != len(s.chains) {
		s.t.Errorf("%d keys have results and %d rows, want %d", len(results), len(rows), len(s.chains))
	}
}

func (s *stage) checkContains(what, chain string, numbers []int64) {
	s.t.Helper()
	got := map[string]bool{}
	for number := range strings.SplitSeq(chain, ",") {
		got[number] = true
	}
	for _, number := range numbers {
		if !got[strconv.FormatInt(number, 10)] {
			s.t.Errorf("%s: number %d is lost: %q", what, number, chain)
			return
		}
	}
}

// checkCounts compares the counts by minute.
func (s *stage) checkCounts(results map[string][][]byte, rows map[string][]byte) {
	s.t.Helper()
	const windowOfKey = 8               // the start, as it stands behind a result's key
	const windowOfRow = windowOfKey + 4 // and a sequence number, behind a row's
	got, logged := map[string][]int64{}, map[string]int64{}
	for key, values := range results {
		for _, v := range values {
			name := windowName(key, windowOfKey)
			got[name] = append(got[name], int64(binary.BigEndian.Uint64(v)))
		}
	}
	for key, v := range rows {
		logged[windowName(key, windowOfRow)] = int64(binary.BigEndian.Uint64(v))
	}
	for _, name := range sorted(s.counts) {
		want := s.counts[name]
		if !s.exactly() {
			if last := got[name]; len(last) == 0 || last[len(last)-1] < want || logged[name] < want {
				s.t.Errorf("window %s: counted %v, the changelog has %d, want %d at least", name, last, logged[name], want)
			}
			continue
		}
		for i := range max(want, int64(len(got[name]))) {
			if i >= int64(len(got[name])) || got[name][i] != i+1 || i >= want {
				s.t.Errorf("window %s: counted %v, want 1 to %d", name, got[name], want)
				break
			}
		}
		if logged[name] != want {
			s.t.Errorf("window %s: the changelog has %d, want %d", name, logged[name], want)
		}
	}
	if len(got) != len(s.counts) || len(logged) != len(s.counts) {
		s.t.Errorf("%d windows have results and %d rows, want %d", len(got), len(logged), len(s.counts))
	}
}

// windowName is a key and its minute; so many bytes of the record's key tell the window, the start first.
func windowName(key string, suffix int) string {
	at := len(key) - suffix
	return fmt.Sprintf("%s@%d", key[:at], int64(binary.BigEndian.Uint64([]byte(key[at:])))/time.Minute.Milliseconds())
}

// checkDisks compares the rows that the instances have on disk with those of the changelogs: of each task
// one copy, that of its last commit.
func (s *stage) checkDisks(instances []*instance, chainRows, countRows map[string][]byte) {
	s.t.Helper()
	proofs := s.proofs()
	got := rows{chains: map[string][]byte{}, counts: map[string][]byte{}}
	for task, seq := range proofs {
		copies := 0
		for _, of := range instances {
			space := s.openDisk(of, task)
			if space == nil {
				continue
			}
			if space.Checkpoint().Seq == seq {
				if copies++; copies == 1 {
					got.add(task, space)
				}
			}
			if err := errors.Join(space.Err(), space.Close()); err != nil {
				s.t.Errorf("instance %s, task %s: %v", of.id, task, err)
			}
		}
		if copies == 0 {
			s.t.Errorf("no instance has task %s as of its last commit, %d", task, seq)
		}
	}
	if s.zombies {
		return
	}
	compareRows(s, "chains", got.chains, chainRows)
	compareRows(s, "minutes", got.counts, countRows)
}

func compareRows(s *stage, name string, got, want map[string][]byte) {
	s.t.Helper()
	if !maps.EqualFunc(got, want, func(a, b []byte) bool { return string(a) == string(b) }) {
		s.t.Errorf("store %q is not its changelog:\n%q\nwant\n%q", name, got, want)
	}
}

// proofs are the numbers of the tasks' last commits.
func (s *stage) proofs() map[string]int64 {
	s.t.Helper()
	all := map[string]int64{}
	commits := s.cluster.GroupInfo("app").Commits
	for sub, topic := range []string{numbers.Name(), repartition} {
		for id, c := range commits[topic] {
			m, err := changelog.DecodeMetadata(c.Metadata)
			if err != nil {
				s.t.Error(err)
			}
			all[fmt.Sprintf("%d_%d", sub, id)] = m.Seq
		}
	}
	return all
}

// openDisk opens what an instance has of a task; nil: nothing.
func (s *stage) openDisk(of *instance, task string) *store.Space {
	s.t.Helper()
	dir := filepath.Join(of.dir, task)
	if _, err := of.disk.Stat(dir); err != nil {
		if !isNotExist(err) {
			s.t.Error(err)
		}
		return nil
	}
	space, err := store.OpenSpace(store.SpaceConfig{Dir: dir, FS: of.disk, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Errorf("instance %s, task %s: %v", of.id, task, err)
		return nil
	}
	return space
}

// rows are those of the stores, as they stand in changelogs.
type rows struct{ chains, counts map[string][]byte }

// add takes a task's rows in.
func (r *rows) add(task string, space *store.Space) {
	if strings.HasPrefix(task, "0_") {
		of := store.OpenWindow(space, store.Definition{Name: "minutes", WindowSize: time.Minute}, serde.String(), serde.Int64())
		for k, n := range of.All(0, 1<<40) {
			row := store.FrozenEntry{Key: []byte(k.Key), Start: k.Start}
			r.counts[string(changelog.AppendKey(nil, store.WindowKeys, &row))] = binary.BigEndian.AppendUint64(nil, uint64(n))
		}
		return
	}
	of := store.OpenKeyValue(space, store.Definition{Name: "chains"}, serde.String(), serde.String())
	for k, chain := range of.All() {
		r.chains[k] = []byte(chain)
	}
}

func isNotExist(err error) bool { return strings.Contains(err.Error(), fs.ErrNotExist.Error()) }

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func at(values [][]byte, i int) []byte {
	if i < 0 || i >= len(values) {
		return nil
	}
	return values[i]
}
