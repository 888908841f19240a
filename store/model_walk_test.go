package store

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/pitwheel/pitwheel/record"
)

// walk compares a walk with what is expected of it, writes in between, and sometimes stops early.
func (m *modelRun) walk(i int, want []modelKey, timed bool, walk func(row func(modelKey, modelRow) bool)) {
	rows := maps.Clone(m.live.stores[i].rows)
	stop := -1
	if m.rnd.IntN(4) == 0 {
		stop = m.rnd.IntN(5)
	}
	n := 0
	walk(func(k modelKey, row modelRow) bool {
		if n >= len(want) || want[n] != k || rows[k].value != row.value || timed && rows[k].at != row.at {
			m.t.Fatalf("%s: row %d of %d is %+q %v, want %+q", modelStores[i].Name, n, len(want), fmt.Sprint(k), row, fmt.Sprint(want[min(n, len(want)):]))
		}
		n++
		if m.rnd.IntN(3) == 0 {
			m.write(i)
		}
		if m.rnd.IntN(60) == 0 {
			m.apply()
		}
		return n != stop
	})
	if n != len(want) && n != stop {
		m.t.Fatalf("%s: %d rows, want %d: %v", modelStores[i].Name, n, len(want), m.space.Err())
	}
}

func (m *modelRun) scan(i int) {
	from, to := record.Time(0), record.Time(1<<40)
	if m.rnd.IntN(2) == 0 {
		from, to = m.pick(i).start, m.pick(i).start
	}
	if !modelStores[i].window {
		from = 0
	}
	m.walk(i, m.rows(i, from, to), true, func(row func(modelKey, modelRow) bool) { m.subjects[i].scan(from, to, row) })
}

func (m *modelRun) between(i int) {
	if modelStores[i].window {
		return
	}
	from, to := m.pick(i).key, m.pick(i).key
	ends := m.rnd.IntN(4)
	r := []Range[string]{{}, From(from), UpTo(to), Between(from, to)}[ends]
	want := slices.DeleteFunc(m.rows(i, 0, 0), func(k modelKey) bool {
		return ends&1 != 0 && k.key < from || ends&2 != 0 && k.key > to
	})
	if m.rnd.IntN(2) == 0 {
		r = r.Reverse()
		slices.Reverse(want)
	}
	m.walk(i, want, false, func(row func(modelKey, modelRow) bool) { m.subjects[i].between(r, row) })
}

func (m *modelRun) prefix(i int) {
	if modelStores[i].window {
		return
	}
	p := m.pick(i).key
	p = p[:m.rnd.IntN(len(p)+1)]
	want := slices.DeleteFunc(m.rows(i, 0, 0), func(k modelKey) bool { return !strings.HasPrefix(k.key, p) })
	m.walk(i, want, false, func(row func(modelKey, modelRow) bool) { m.subjects[i].prefix(p, row) })
}

func (m *modelRun) past(i int) {
	if !modelStores[i].window {
		return
	}
	key, from, to := m.pick(i).key, m.pick(i).start, m.pick(i).start
	want := slices.DeleteFunc(m.rows(i, from, to), func(k modelKey) bool { return k.key != key })
	m.walk(i, want, false, func(row func(modelKey, modelRow) bool) { m.subjects[i].history(key, from, to, row) })
}

// byTime compares a walk by time, and where it would begin, with the model.
func (m *modelRun) byTime(i int) {
	if !modelStores[i].ByTime || m.unindexed {
		return
	}
	from, to := record.Time(0), record.Time(math.MaxInt64)
	if m.rnd.IntN(3) > 0 {
		from, to = m.pick(i).start, m.pick(i).start
	}
	want := m.rows(i, from, to)
	slices.SortFunc(want, func(a, b modelKey) int {
		from := 0
		if modelStores[i].sessions() {
			from = cmp.Compare(sessionOf(a).Start, sessionOf(b).Start)
		}
		return cmp.Or(cmp.Compare(a.start, b.start), from, cmp.Compare(a.key, b.key))
	})
	var got []modelKey
	m.subjects[i].byTime(from, to, func(k modelKey, row modelRow) bool {
		if row != m.live.stores[i].rows[k] {
			m.t.Fatalf("%s: by time %q is %v, want %v", modelStores[i].Name, fmt.Sprint(k), row, m.live.stores[i].rows[k])
		}
		got = append(got, k)
		return true
	})
	if !slices.Equal(got, want) {
		m.t.Fatalf("%s: by time from %d to %d are %+q, want %+q", modelStores[i].Name, from, to, fmt.Sprint(got), fmt.Sprint(want))
	}
}
