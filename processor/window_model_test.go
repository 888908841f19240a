package processor

import (
	"maps"
	"slices"
	"strings"

	"github.com/pitwheel/pitwheel/record"
)

// windowModel counts in windows the slow way: it looks at every window that there could be, and
// closes windows as KStreamWindowAggregate decides it, on every record.
type windowModel struct {
	size, advance, grace int
	onClose              bool
	streamTime, mark     int
	rows                 map[wkey]modelRow
	emitted              []wchange
	late                 int
}

type modelRow struct{ n, at int }

// windowsFor are the starts of the windows that hold t.
func (m *windowModel) windowsFor(t int) (starts []int) {
	for start := 0; start <= t; start += m.advance {
		if t < start+m.size {
			starts = append(starts, start)
		}
	}
	return starts
}

func (m *windowModel) process(key string, at int) {
	m.streamTime = max(m.streamTime, at)
	closeTime := m.streamTime - m.grace
	for _, start := range m.windowsFor(at) {
		if start+m.size <= closeTime {
			m.late++
			continue
		}
		k := in(key, record.Time(start), record.Time(start+m.size))
		old := m.rows[k]
		row := modelRow{old.n + 1, max(old.at, at)}
		m.rows[k] = row
		if !m.onClose {
			m.emitted = append(m.emitted, wchange{
				Key: k, New: int64(row.n), HasNew: true, Old: int64(old.n), HasOld: true, Time: record.Time(row.at),
			})
		}
	}
	if m.onClose && (m.mark == -1 || m.mark < closeTime) {
		m.close(closeTime)
	}
}

func (m *windowModel) close(closeTime int) {
	from, to := 0, closeTime-m.size
	if to < 0 {
		return
	}
	if m.mark != -1 {
		from = max(0, m.mark-m.size) + 1
		if slices.Equal(m.windowsFor(to), m.windowsFor(from-1)) {
			return
		}
	}
	keys := slices.SortedFunc(maps.Keys(m.rows), func(a, b wkey) int {
		if a.Start != b.Start {
			return int(a.Start - b.Start)
		}
		return strings.Compare(a.Key, b.Key)
	})
	for _, k := range keys {
		if row := m.rows[k]; int(k.Start) >= from && int(k.Start) <= to {
			m.emitted = append(m.emitted, wchange{Key: k, New: int64(row.n), HasNew: true, Time: record.Time(row.at)})
		}
	}
	m.mark = closeTime
}
