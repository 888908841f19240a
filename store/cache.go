package store

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"unsafe"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// rows is a store's rows by start and key bytes, decoded: the write-back cache and the backend
// below it. A key-value store's start is always 0. It is implemented by cache alone; being an
// interface, it hides how values stand in slots.
type rows[V any] interface {
	stored

	// find reads a row and leaves the cursor there for set and remove. It keeps key until then.
	find(start record.Time, key []byte) (v V, at record.Time, ok bool)
	// aim leaves the cursor at a row without reading it.
	aim(start record.Time, key []byte)
	// lose leaves the cursor nowhere: a set or remove does nothing.
	lose()
	set(v V, at record.Time)
	remove(at record.Time)

	// highest is the highest start written; -1: none.
	highest() record.Time
	scan(s span, yield func(start record.Time, key []byte, v V, at record.Time) bool) (rest span)
	history(key []byte, from, to record.Time, yield func(start record.Time, v V, at record.Time) bool)
	droppedWrites() int64
	onRefused(f func())

	// detached is a copy of a value.
	detached(v V) V

	// ahead touches the rows of keys that will be looked up; see ahead.go.
	ahead(start record.Time, keys [][]byte)
}

// cache is rows with values that stand in slots as T: V itself, or the place in an arena.
type cache[V, T any] struct {
	origin
	space   *Space
	serde   serde.Serde[V]
	pack    *packing[V] // nil: T is V
	scanned bool

	segments map[record.Time]*segment[T]
	recent   [recentSegments]*segment[T] // by a hash of their start
	bytes    int64                       // of all segments
	encoded  int64                       // of scanned values: their mean size when encoded

	// floor is the lowest start that can be there. A failure of the space raises it above all.
	floor   record.Time
	max     record.Time // highest start, or version's from, written; -1: none
	frozen  record.Time // the floor that the last generation recorded
	expired int64       // writes dropped for being below the floor
	looked  int64       // look-ups
	missed  int64       // those that went to the backend
	refused func()      // told of each of them; nil: nobody is

	log   []FrozenEntry // of a versioned store: what was put since the last freeze
	prune func()        // called before a freeze; nil: there is nothing to do

	probe   probe
	cursor  cursor[T]
	touched uint64 // by ahead; of no meaning
}

// cursor is where the last find or aim looked.
type cursor[T any] struct {
	seg *segment[T] // nil: nowhere
	i   int
	hit bool // slot i holds the key; else it is where the key goes
}

const (
	recentSegments = 16
	// noFloor is above every start.
	noFloor = math.MaxInt64
)

// openRows makes the store's cache, with its values laid out by their type.
func openRows[V any](s *Space, d Definition, as layout, value serde.Serde[V]) rows[V] {
	kind := kindOf(reflect.TypeFor[V]())
	switch kind {
	case textKind:
		return openCache[V, place](s, d, as, value, textPacking[V]())
	case bytesKind:
		return openCache[V, place](s, d, as, value, bytesPacking[V]())
	}
	c := openCache[V, V](s, d, as, value, nil)
	c.scanned = kind == scannedKind
	return c
}

func openCache[V, T any](
	s *Space, d Definition, as layout, value serde.Serde[V], pack *packing[V],
) *cache[V, T] {
	c := &cache[V, T]{
		origin: newOrigin(d, as), space: s, serde: value, pack: pack,
		segments: map[record.Time]*segment[T]{},
	}
	s.register(c, d)
	c.resetMax()
	return c
}

func (c *cache[V, T]) find(start record.Time, key []byte) (v V, at record.Time, ok bool) {
	c.looked++
	c.aim(start, key)
	if !c.cursor.hit {
		if c.cursor.seg == nil || c.cursor.seg.complete {
			return v, 0, false
		}
		if !c.fill() {
			return v, 0, false
		}
	}
	s := &c.cursor.seg.rows.slots[c.cursor.i]
	if s.meta&usedBit == 0 {
		s.meta |= usedBit
	}
	if s.absent() {
		return v, 0, false
	}
	return c.load(c.cursor.seg, &s.value), s.at, true
}

func (c *cache[V, T]) aim(start record.Time, key []byte) {
	if start < c.floor {
		c.cursor.seg, c.cursor.hit = nil, false
		return
	}
	seg := c.recent[recentAt(start)]
	if seg == nil || seg.start != start {
		if seg = c.segment(start); seg == nil {
			c.lose()
			return
		}
	}
	c.probe.set(key)
	i, hit := seg.rows.find(&c.probe)
	c.cursor = cursor[T]{seg, i, hit}
}

func (c *cache[V, T]) lose() { c.cursor = cursor[T]{} }

func recentAt(start record.Time) int {
	return int(uint64(start) * 0x9E3779B97F4A7C15 >> 60)
}

// load is the value that stands in a slot as t. The cast is sound because without packing T is V.
func (c *cache[V, T]) load(g *segment[T], t *T) V {
	if c.pack == nil {
		return *(*V)(unsafe.Pointer(t))
	}
	return c.pack.load(g.values.at(*(*place)(unsafe.Pointer(t))))
}

// save makes v stand in a slot, in place of what stood there if replaced says so.
func (c *cache[V, T]) save(g *segment[T], t *T, v V, replaced bool) {
	if c.pack == nil {
		*(*V)(unsafe.Pointer(t)) = v
		return
	}
	p := (*place)(unsafe.Pointer(t))
	if replaced {
		g.values.release(*p)
	}
	*p = c.pack.add(&g.values, v)
	if g.values.wasteful() {
		compactValues(any(g).(*segment[place]))
	}
}

func (c *cache[V, T]) set(v V, at record.Time) {
	g := c.cursor.seg
	if g == nil {
		c.drop()
		return
	}
	s, fresh := c.touch()
	had := !fresh && !s.absent()
	s.meta &^= absentBit
	s.at = at
	c.save(g, &s.value, v, had)
}

func (c *cache[V, T]) remove(at record.Time) {
	g := c.cursor.seg
	if g == nil {
		c.drop()
		return
	}
	gone := !c.cursor.hit && g.complete || c.cursor.hit && g.rows.slots[c.cursor.i].absent()
	// A removal moves the retention too, as in Kafka Streams, and then it must be in the changelog.
	if gone && (!c.windowed || c.startOf(g) <= c.max) {
		return
	}
	s, fresh := c.touch()
	if !fresh && !s.absent() {
		c.clear(g, s)
	}
	s.meta |= absentBit
	s.at = at
}

// clear forgets the slot's value.
func (c *cache[V, T]) clear(g *segment[T], s *slot[T]) {
	if c.pack != nil {
		g.values.release(*(*place)(unsafe.Pointer(&s.value)))
	}
	var none T
	s.value = none
}

// touch is the slot at the cursor, dirty in the current generation; fresh says that it is new.
func (c *cache[V, T]) touch() (s *slot[T], fresh bool) {
	g, gens := c.cursor.seg, &c.space.gens
	if fresh = !c.cursor.hit; fresh {
		c.cursor.i, s = g.insert(c.cursor.i, &c.probe, *gens)
		c.cursor.hit = true
	} else {
		s = &g.rows.slots[c.cursor.i]
	}
	if s.gen() != gens.current {
		g.dirty = append(g.dirty, uint32(c.cursor.i))
		if g.index != nil && (fresh || !g.whole && s.gen() <= gens.applied) {
			g.indexKey(c.probe.bytes)
		}
		s.stamp(gens.current)
	}
	s.meta |= usedBit
	if c.windowed {
		if start := c.startOf(g); start > c.max {
			c.raise(start)
		}
	}
	return s, fresh
}

// startOf is the start of the row at the cursor, whose segment is g.
func (c *cache[V, T]) startOf(g *segment[T]) record.Time {
	if c.interval == 0 {
		return g.start
	}
	id, _ := c.rowOf(g.start, c.probe.bytes) // has one: it was made by localKey
	return id.start
}

func (c *cache[V, T]) highest() record.Time { return c.max }

// raise moves the highest start, and with it the floor.
func (c *cache[V, T]) raise(start record.Time) {
	c.max = start
	if c.floor != noFloor {
		c.floor = c.floorAt(start)
	}
}

// drop counts a write that cannot be kept because its time is beyond the retention.
func (c *cache[V, T]) drop() {
	if !c.layout.timed() || c.space.err != nil {
		return
	}
	c.expired++
	if c.refused != nil {
		c.refused()
	}
}

func (c *cache[V, T]) onRefused(f func()) { c.refused = f }

func (c *cache[V, T]) droppedWrites() int64 { return c.expired }

// fill reads the row at the cursor from the backend and caches what it finds, or that it finds
// nothing. It returns false if that failed.
func (c *cache[V, T]) fill() bool {
	c.missed++
	g := c.cursor.seg
	row, ok, err := c.base.get(c.key(g.start, c.probe.bytes))
	if err != nil {
		c.space.fail(err)
		return false
	}
	var v V
	var at record.Time
	if ok {
		if v, at, err = c.decode(row); err != nil {
			c.space.fail(err)
			return false
		}
	}
	i, s := g.insert(c.cursor.i, &c.probe, c.space.gens)
	c.cursor.i, c.cursor.hit = i, true
	if s.at = at; !ok {
		s.meta |= absentBit
		return true
	}
	c.save(g, &s.value, v, false)
	return true
}

// decode takes a stored row apart.
func (c *cache[V, T]) decode(row []byte) (v V, at record.Time, err error) {
	at, raw, err := splitRow(row)
	if err == nil {
		v, err = c.serde.Decode(raw)
	}
	if err != nil {
		return v, 0, fmt.Errorf("store: value in store %q: %w", c.name, err)
	}
	if c.scanned {
		c.observe(len(raw))
	}
	return v, at, nil
}

// observe keeps the mean size of encoded values, by which the memory that scanned values point to
// is estimated.
func (c *cache[V, T]) observe(size int) { c.encoded += (int64(size) - c.encoded + 7) / 8 }

// between is the cached segments that start in [from, to], in order.
func (c *cache[V, T]) between(from, to record.Time) []*segment[T] {
	var found []*segment[T]
	for start, g := range c.segments {
		if from <= start && start <= to {
			found = append(found, g)
		}
	}
	slices.SortFunc(found, func(a, b *segment[T]) int { return cmp.Compare(a.start, b.start) })
	return found
}

// dropSegment forgets a segment.
func (c *cache[V, T]) dropSegment(g *segment[T]) {
	g.drop()
	delete(c.segments, g.start)
	if at := recentAt(g.start); c.recent[at] == g {
		c.recent[at] = nil
	}
	if c.cursor.seg == g {
		c.lose()
	}
}

// reset forgets everything that is cached.
func (c *cache[V, T]) reset() {
	for g := range maps.Values(c.segments) {
		g.drop()
	}
	clear(c.segments)
	clear(c.recent[:])
	c.lose()
}

// resetMax goes back to what is applied.
func (c *cache[V, T]) resetMax() {
	c.max, c.floor = -1, 0
	if c.applied.max >= 0 {
		c.raise(c.applied.max)
	}
	c.frozen = c.floor
	if c.space.err != nil {
		c.floor = noFloor
	}
}

func (c *cache[V, T]) seal() {
	c.floor = noFloor
	c.lose()
}
