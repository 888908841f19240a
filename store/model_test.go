package store

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/record"
)

// The model test runs random operations on a space and on plain maps and compares every answer.
// Values are uint32 in the model; each store turns them into values of its own type.

type modelKey struct {
	start record.Time
	key   string
}

type modelRow struct {
	value uint32
	at    record.Time
}

// modelState is what one store holds.
type modelState struct {
	rows map[modelKey]modelRow
	max  record.Time
}

func (m modelState) clone() modelState { return modelState{maps.Clone(m.rows), m.max} }

// world is what a space holds.
type world struct {
	stores    []modelState
	seq       int64
	positions map[string]int64
}

func (w world) clone() world {
	c := world{seq: w.seq, positions: maps.Clone(w.positions)}
	for _, s := range w.stores {
		c.stores = append(c.stores, s.clone())
	}
	return c
}

// modelRun is one run of the model test.
type modelRun struct {
	t        *testing.T
	rnd      *rand.Rand
	fs       *vfs.MemFS // nil: a space in memory
	shared   *Shared
	space    *Space
	subjects []subject
	keys     []string
	now      record.Time

	unindexed bool // indexes by time are not kept since the space was opened

	live     world
	applied  world
	frozen   []frozenWorld
	history  []world // what a crash may bring back: as of the last flush, and each Apply since
	position int64
	expired  []int64
}

type frozenWorld struct {
	f *Frozen
	w world
}

func newModelRun(t *testing.T, seed uint64, onDisk bool, budget int64) *modelRun {
	m := &modelRun{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), shared: NewShared(budget, 1<<20)}
	if onDisk {
		m.fs = vfs.NewCrashableMem()
	}
	for i := range 5 + m.rnd.IntN(200) {
		switch i % 5 {
		case 0:
			m.keys = append(m.keys, fmt.Sprintf("%d", i))
		case 1:
			m.keys = append(m.keys, string(binary.BigEndian.AppendUint64(nil, uint64(i))))
		case 2:
			m.keys = append(m.keys, fmt.Sprintf("a key that does not fit into a slot %d", i))
		case 3:
			m.keys = append(m.keys, string(make([]byte, i/5))) // zeros, of every length
		case 4:
			m.keys = append(m.keys, fmt.Sprintf("exactly16%07d", i))
		}
	}
	m.live = world{positions: map[string]int64{}}
	for range modelStores {
		m.live.stores = append(m.live.stores, modelState{map[modelKey]modelRow{}, -1})
	}
	m.applied = m.live.clone()
	m.history = []world{m.applied.clone()}
	m.open()
	return m
}

func (m *modelRun) open() {
	c := SpaceConfig{Shared: m.shared}
	if m.fs != nil {
		c.Dir, c.FS = "state", m.fs
	}
	var err error
	if m.space, err = OpenSpace(c); err != nil {
		m.t.Fatal(err)
	}
	m.subjects, m.expired = nil, make([]int64, len(modelStores))
	for _, d := range modelStores {
		of := d.Definition
		of.ByTime = of.ByTime && !m.unindexed
		m.subjects = append(m.subjects, d.open(m.space, of))
	}
}

func (m *modelRun) step() {
	i := m.rnd.IntN(len(modelStores))
	switch n := m.rnd.IntN(1000); {
	case n < 300:
		m.get(i)
	case n < 860:
		m.write(i)
	case n < 880:
		m.scan(i)
	case n < 900:
		m.between(i)
	case n < 905:
		m.prefix(i)
	case n < 915:
		m.past(i)
	case n < 920:
		m.byTime(i)
	case n < 945:
		m.freeze()
	case n < 970:
		m.apply()
	case n < 975:
		m.abort()
	case n < 990:
		m.space.Trim()
	case n < 993:
		m.flush()
	case n < 996:
		m.restore(i)
	case n < 997:
		m.reopen()
	}
}

func (m *modelRun) pick(i int) modelKey {
	k := modelKey{key: m.keys[m.rnd.IntN(len(m.keys))]}
	if modelStores[i].window {
		m.now += record.Time(m.rnd.IntN(100) / 99)
		k.start = max(0, (m.now-record.Time(m.rnd.IntN(60)))/10*10)
	}
	return k
}

// visible is the model's row unless it has expired.
func (m *modelRun) visible(i int, k modelKey) (modelRow, bool) {
	s := m.live.stores[i]
	row, ok := s.rows[k]
	if k.start < modelStores[i].floor(s.max) {
		return modelRow{}, false
	}
	return row, ok
}

func (m *modelRun) get(i int) {
	k := m.pick(i)
	want, wantOK := m.visible(i, k)
	v, at, ok := m.subjects[i].get(k.key, k.start)
	if ok != wantOK || v != want.value || at != want.at {
		m.t.Fatalf("%s: get %v: %d @%d %v, want %d @%d %v", modelStores[i].Name, k, v, at, ok, want.value, want.at, wantOK)
	}
}

func (m *modelRun) write(i int) {
	k := m.pick(i)
	s := &m.live.stores[i]
	at := record.Time(m.rnd.IntN(1000))
	m.space.SetNow(at)
	v := uint32(m.rnd.IntN(120))
	remove := m.rnd.IntN(4) == 0
	blind := m.rnd.IntN(2) == 0
	switch {
	case remove && blind:
		m.subjects[i].remove(k.key, k.start)
	case remove:
		m.subjects[i].update(k.key, k.start, nil, at)
	case blind:
		m.subjects[i].put(k.key, k.start, v, at)
	default:
		m.subjects[i].update(k.key, k.start, &v, at)
	}
	if modelStores[i].refuses(k.start, s.max) {
		m.expired[i]++
		if got := m.subjects[i].expired(); got != m.expired[i] {
			m.t.Fatalf("%s: %d expired writes counted, want %d", modelStores[i].Name, got, m.expired[i])
		}
		return
	}
	if modelStores[i].window {
		s.max = max(s.max, k.start)
	}
	if remove {
		delete(s.rows, k)
		return
	}
	s.rows[k] = modelRow{v, at}
}

// rows are the model's visible rows, in the store's order.
func (m *modelRun) rows(i int, from, to record.Time) []modelKey {
	s := m.live.stores[i]
	from = max(from, modelStores[i].floor(s.max))
	var keys []modelKey
	for k := range s.rows {
		if from <= k.start && k.start <= to {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, modelStores[i].compare)
	return keys
}

func (m *modelRun) freeze() {
	if len(m.frozen) > 1 {
		return
	}
	f := m.space.Freeze()
	for i, part := range f.Stores {
		if i > 0 && len(part.Entries) == 0 && part.Floor == 0 {
			m.t.Fatalf("store %s has nothing frozen", part.Name)
		}
		m.checkFrozen(part)
	}
	m.frozen = append(m.frozen, frozenWorld{f, m.live.clone()})
}

// checkFrozen compares what was frozen with the live rows.
func (m *modelRun) checkFrozen(part FrozenStore) {
	if strings.HasSuffix(part.Name, indexSuffix) {
		return // it is seen by walking over it
	}
	i := slices.IndexFunc(modelStores, func(d definition) bool { return d.Name == part.Name })
	var last *FrozenEntry
	for n := range part.Entries {
		e := &part.Entries[n]
		k := modelKey{e.Start, string(e.Key)}
		row, ok := m.live.stores[i].rows[k]
		if modelStores[i].gone(k.start, m.live.stores[i].max) {
			m.t.Fatalf("%s: frozen %q@%d has expired", part.Name, e.Key, e.Start)
		}
		if ok != (e.Value != nil) || ok && (row.at != e.Time || !slices.Equal(e.Value, m.subjects[i].encode(row.value))) {
			m.t.Fatalf("%s: frozen %q@%d is %x, want %v %v", part.Name, e.Key, e.Start, e.Value, row, ok)
		}
		if last != nil && modelStores[i].compare(modelKey{last.Start, string(last.Key)}, k) >= 0 {
			m.t.Fatalf("%s: frozen entries are out of order: %q@%d before %q@%d", part.Name, last.Key, last.Start, e.Key, e.Start)
		}
		last = e
	}
}

func (m *modelRun) apply() {
	if len(m.frozen) == 0 {
		return
	}
	next := m.frozen[0]
	m.frozen = m.frozen[1:]
	next.w.seq = m.applied.seq + 1
	next.w.positions = maps.Clone(m.applied.positions)
	m.position++
	next.w.positions["kv-int64"] = m.position
	next.w.positions["kv-memory"] = m.position
	err := m.space.Apply(next.f, Checkpoint{Seq: next.w.seq, Positions: map[string]int64{"kv-int64": m.position, "kv-memory": m.position}})
	if err != nil {
		m.t.Fatal(err)
	}
	m.applied = next.w
	m.history = append(m.history, m.applied.clone())
	m.checkCheckpoint(m.applied)
}

func (m *modelRun) checkCheckpoint(want world) {
	if got := m.space.Checkpoint(); got.Seq != want.seq || !maps.Equal(got.Positions, want.positions) {
		m.t.Fatalf("checkpoint %v, want %d %v", got, want.seq, want.positions)
	}
}

func (m *modelRun) abort() {
	m.space.Abort()
	m.frozen = nil
	m.live = m.applied.clone()
}

func (m *modelRun) flush() {
	if err := m.space.Flush(); err != nil {
		m.t.Fatal(err)
	}
	if n := m.space.UnflushedBytes(); n != 0 {
		m.t.Fatalf("%d bytes are not flushed after Flush", n)
	}
	m.history = []world{m.applied.clone()}
}

// restore writes rows as if from the changelog, with old versions of the same keys before the last.
func (m *modelRun) restore(i int) {
	m.abort()
	d := modelStores[i]
	var rows []FrozenEntry
	s := &m.live.stores[i]
	for range m.rnd.IntN(30) {
		k := m.pick(i)
		e := FrozenEntry{Key: []byte(k.key), Start: k.start, Time: record.Time(m.rnd.IntN(1000))}
		if d.sessions() {
			e.From = sessionOf(k).Start
		}
		v := uint32(m.rnd.IntN(120))
		if m.rnd.IntN(3) > 0 {
			e.Value = m.subjects[i].encode(v)
			s.rows[k] = modelRow{v, e.Time}
		} else {
			delete(s.rows, k)
		}
		if d.window {
			s.max = max(s.max, k.start)
		}
		rows = append(rows, e)
	}
	m.position++
	for range 1 + m.rnd.IntN(2) {
		if err := m.space.Restore(d.Name, rows, m.position); err != nil {
			m.t.Fatal(err)
		}
	}
	m.live.positions[d.Name] = m.position
	m.applied = m.live.clone()
	m.history = append(m.history, m.applied.clone())
	m.checkCheckpoint(m.applied)
}

// reopen crashes or closes the space: what comes back is what some Apply left, not before the
// last flush. Stores in memory are empty.
func (m *modelRun) reopen() {
	if m.fs == nil {
		return
	}
	clone := m.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: m.rnd.IntN(101), RNG: m.rnd})
	clean := m.rnd.IntN(2) == 0
	if err := m.space.Close(); err != nil {
		m.t.Fatal(err)
	}
	if used := m.shared.Used(); used != 0 {
		m.t.Fatalf("a closed space leaves %d bytes charged", used)
	}
	if !clean {
		m.fs = clone
	}
	m.unindexed = m.rnd.IntN(4) == 0
	m.open()
	cp := m.space.Checkpoint()
	for n := range m.history {
		w := m.history[n].clone()
		for i, d := range modelStores {
			if d.InMemory {
				delete(w.positions, d.Name)
				w.stores[i] = modelState{map[modelKey]modelRow{}, -1}
			}
		}
		if w.seq == cp.Seq && maps.Equal(w.positions, cp.Positions) {
			m.live, m.applied, m.frozen = w, w.clone(), nil
			m.history = []world{w.clone()}
			m.compare()
			return
		}
	}
	m.t.Fatalf("after a crash the checkpoint is %v: none of the %d since the last flush", cp, len(m.history))
}

// compare reads everything.
func (m *modelRun) compare() {
	for i, d := range modelStores {
		type row struct {
			Start, At record.Time
			Key       string
			Value     uint32
		}
		var got, want []row
		m.subjects[i].scan(0, 1<<40, func(k modelKey, r modelRow) bool {
			got = append(got, row{k.start, r.at, k.key, r.value})
			return true
		})
		for _, k := range m.rows(i, 0, 1<<40) {
			r := m.live.stores[i].rows[k]
			want = append(want, row{k.start, r.at, k.key, r.value})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			m.t.Fatalf("%s: -want +got\n%s", d.Name, diff)
		}
		m.byTime(i)
	}
}

// TestSpaceIsAMap compares spaces on disk and in memory, with room for everything and with room
// for nearly nothing, with plain maps over a million operations.
func TestSpaceIsAMap(t *testing.T) {
	steps, seeds := 10_000, uint64(25)
	if testing.Short() {
		seeds = 3
	}
	for _, place := range []string{"memory", "disk"} {
		for _, budget := range []int64{1 << 30, 4 << 10} {
			t.Run(fmt.Sprintf("%s/%d", place, budget), func(t *testing.T) {
				for seed := range seeds {
					m := newModelRun(t, seed, place == "disk", budget)
					ok := t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
						m.t = t
						for range steps {
							m.step()
						}
						m.compare()
						if err := m.space.Err(); err != nil {
							t.Fatal(err)
						}
					})
					if err := m.space.Close(); err != nil {
						t.Fatal(err)
					}
					if err := m.shared.Close(); err != nil {
						t.Fatal(err)
					}
					if !ok {
						return
					}
				}
			})
		}
	}
}
