package store

import (
	"bytes"
	"sync"

	"github.com/google/btree"
)

// memory is a backend that keeps its rows in a B-tree. A walk over it holds a copy-on-write clone
// and so is not disturbed by batches.
type memory struct {
	// mu is held to clone and to apply. The owner reads without it: nobody else writes.
	mu   sync.Mutex
	rows *btree.BTreeG[memoryRow]
}

type memoryRow struct{ key, value []byte }

func newMemory() *memory {
	return &memory{rows: btree.NewG(32, func(a, b memoryRow) bool { return bytes.Compare(a.key, b.key) < 0 })}
}

func (m *memory) get(key []byte) (value []byte, ok bool, err error) {
	row, ok := m.rows.Get(memoryRow{key: key})
	return row.value, ok, nil
}

func (m *memory) iterate(from, to []byte) (iterator, error) {
	return &memoryIterator{rows: m.clone(), from: from, to: to}, nil
}

func (m *memory) clone() *btree.BTreeG[memoryRow] {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rows.Clone()
}

func (m *memory) view() (view, error) { return memoryView{m.clone()}, nil }

// memoryView is a clone of its own: rows are never changed in place.
type memoryView struct{ rows *btree.BTreeG[memoryRow] }

func (v memoryView) get(key []byte) (value []byte, ok bool, err error) {
	row, ok := v.rows.Get(memoryRow{key: key})
	return row.value, ok, nil
}

func (v memoryView) iterate(from, to []byte) (iterator, error) {
	return &memoryIterator{rows: v.rows, from: from, to: to}, nil
}

func (v memoryView) close() error { return nil }

func (m *memory) begin() batch     { return &memoryBatch{to: m} }
func (m *memory) flush() error     { return nil }
func (m *memory) unflushed() int64 { return 0 }
func (m *memory) failure() error   { return nil }

func (m *memory) size() (tables, memTables int64) { return 0, 0 }

func (m *memory) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows.Clear(false)
	return nil
}

// memoryIterator reads ahead a page of rows at a time, since the tree can only be walked by a
// callback.
type memoryIterator struct {
	rows     *btree.BTreeG[memoryRow]
	from, to []byte
	page     []memoryRow
	at       int
}

const memoryPage = 64

func (i *memoryIterator) seek(key []byte) bool {
	if bytes.Compare(key, i.from) < 0 {
		key = i.from
	}
	i.load(memoryRow{key: key})
	return i.at < len(i.page)
}

// load reads the page that begins at that row.
func (i *memoryIterator) load(from memoryRow) {
	i.page, i.at = i.page[:0], 0
	i.rows.AscendGreaterOrEqual(from, func(row memoryRow) bool {
		if bytes.Compare(row.key, i.to) >= 0 {
			return false
		}
		i.page = append(i.page, row)
		return len(i.page) < memoryPage
	})
}

func (i *memoryIterator) next() bool {
	if i.at++; i.at < len(i.page) {
		return true
	}
	if len(i.page) < memoryPage {
		return false
	}
	last := i.page[len(i.page)-1].key
	i.load(memoryRow{key: append(bytes.Clone(last), 0)})
	return i.at < len(i.page)
}

func (i *memoryIterator) last() bool {
	i.loadBack(i.to)
	return i.at < len(i.page)
}

// loadBack reads the page that ends below that key, from its end.
func (i *memoryIterator) loadBack(end []byte) {
	i.page, i.at = i.page[:0], 0
	i.rows.DescendLessOrEqual(memoryRow{key: end}, func(row memoryRow) bool {
		if bytes.Compare(row.key, i.from) < 0 {
			return false
		}
		if !bytes.Equal(row.key, end) {
			i.page = append(i.page, row)
		}
		return len(i.page) < memoryPage
	})
}

func (i *memoryIterator) prev() bool {
	if i.at++; i.at < len(i.page) {
		return true
	}
	if len(i.page) < memoryPage {
		return false
	}
	i.loadBack(i.page[len(i.page)-1].key)
	return i.at < len(i.page)
}

func (i *memoryIterator) key() []byte   { return i.page[i.at].key }
func (i *memoryIterator) value() []byte { return i.page[i.at].value }
func (i *memoryIterator) close() error  { return nil }

// memoryBatch is a list of changes to be made.
type memoryBatch struct {
	to      *memory
	changes []memoryChange
}

type memoryChange struct {
	key, value []byte // value nil: removed
	end        []byte // not nil: the rows from key to end are removed
}

func (b *memoryBatch) set(key, value []byte) {
	row := append(append(make([]byte, 0, len(key)+len(value)), key...), value...)
	n := len(key)
	b.changes = append(b.changes, memoryChange{key: row[:n:n], value: row[n:]})
}

func (b *memoryBatch) remove(key []byte) {
	b.changes = append(b.changes, memoryChange{key: bytes.Clone(key)})
}

func (b *memoryBatch) removeRange(from, to []byte) {
	b.changes = append(b.changes, memoryChange{key: bytes.Clone(from), end: bytes.Clone(to)})
}

func (b *memoryBatch) apply() error {
	b.to.mu.Lock()
	defer b.to.mu.Unlock()
	for _, c := range b.changes {
		switch {
		case c.end != nil:
			b.to.removeRange(c.key, c.end)
		case c.value == nil:
			b.to.rows.Delete(memoryRow{key: c.key})
		default:
			b.to.rows.ReplaceOrInsert(memoryRow{c.key, c.value})
		}
	}
	return nil
}

func (m *memory) removeRange(from, to []byte) {
	var doomed []memoryRow
	m.rows.AscendRange(memoryRow{key: from}, memoryRow{key: to}, func(row memoryRow) bool {
		doomed = append(doomed, row)
		return true
	})
	for _, row := range doomed {
		m.rows.Delete(row)
	}
}
