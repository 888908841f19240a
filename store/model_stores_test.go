package store

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

// subject is a store without its value's type.
type subject interface {
	get(key string, start record.Time) (uint32, record.Time, bool)
	update(key string, start record.Time, to *uint32, at record.Time) // by Find, then Set or Remove
	put(key string, start record.Time, v uint32, at record.Time)      // without reading
	remove(key string, start record.Time)
	scan(from, to record.Time, row func(modelKey, modelRow) bool)
	between(r Range[string], row func(modelKey, modelRow) bool)
	prefix(p string, row func(modelKey, modelRow) bool)
	history(key string, from, to record.Time, row func(modelKey, modelRow) bool)
	byTime(from, to record.Time, row func(modelKey, modelRow) bool)
	expired() int64
	encode(v uint32) []byte
}

type definition struct {
	Definition
	window bool // or sessions, whose starts are their ends
	open   func(s *Space, d Definition) subject
}

// floor is the lowest start that is visible.
func (d definition) floor(highest record.Time) record.Time {
	keep := record.Time(d.Retention.Milliseconds())
	if !d.window || keep == 0 || highest < 0 {
		return 0
	}
	return max(0, highest-keep+1)
}

// refuses says whether a write of that start is refused.
func (d definition) refuses(start, highest record.Time) bool {
	if d.InMemory {
		return start < d.floor(highest)
	}
	return d.gone(start, highest)
}

// gone says whether rows of that start are not even kept: "floor(t/i) < floor((max t so far -
// retention)/i)" in a store by key.
func (d definition) gone(start, highest record.Time) bool {
	if d.segment == 0 {
		return start < d.floor(highest)
	}
	keep := record.Time(d.Retention.Milliseconds())
	return highest >= keep && start/d.segment < (highest-keep)/d.segment
}

// compare is the order of the store's rows.
func (d definition) compare(a, b modelKey) int {
	if d.segment == 0 {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.key, b.key))
	}
	local := func(k modelKey) string {
		b := appendStart([]byte(k.key), k.start)
		if d.sessions() {
			b = appendStart(b, sessionOf(k).Start)
		}
		return string(b)
	}
	return cmp.Or(cmp.Compare(a.start/d.segment, b.start/d.segment), cmp.Compare(local(a), local(b)))
}

func (d definition) sessions() bool { return strings.HasPrefix(d.Name, "s-") }

// sessionOf is the session that stands for a key of the model.
func sessionOf(k modelKey) windowing.Key[string] {
	length := record.Time(len(k.key) % 4 * 7)
	return windowing.Key[string]{Key: k.key, Start: max(0, k.start-length), End: k.start}
}

type sessionSubject[V any] struct {
	*SessionStore[string, V]
	kind valueType[V]
}

func (s sessionSubject[V]) get(key string, end record.Time) (uint32, record.Time, bool) {
	e, ok := s.Entry(sessionOf(modelKey{end, key}))
	if !ok {
		return 0, 0, false
	}
	return s.kind.read(e.Value), e.Time, true
}

func (s sessionSubject[V]) update(key string, end record.Time, to *uint32, at record.Time) {
	s.Find(sessionOf(modelKey{end, key}))
	if to == nil {
		s.Remove(at)
		return
	}
	s.Set(s.kind.make(*to), at)
}

func (s sessionSubject[V]) put(key string, end record.Time, v uint32, at record.Time) {
	s.PutAt(sessionOf(modelKey{end, key}), s.kind.make(v), at)
}
func (s sessionSubject[V]) remove(key string, end record.Time) {
	s.Delete(sessionOf(modelKey{end, key}))
}

// row gives a session to the model, if it is whole.
func (s sessionSubject[V]) row(k windowing.Key[string], v V, at record.Time, row func(modelKey, modelRow) bool) bool {
	m := modelKey{k.End, k.Key}
	if k != sessionOf(m) {
		m.key += " has another start"
	}
	return row(m, modelRow{s.kind.read(v), at})
}

func (s sessionSubject[V]) scan(from, to record.Time, row func(modelKey, modelRow) bool) {
	for e := range s.Entries(from, math.MaxInt64) {
		if e.Key.End <= to && !s.row(e.Key, e.Value, e.Time, row) {
			return
		}
	}
}
func (s sessionSubject[V]) between(Range[string], func(modelKey, modelRow) bool) {}
func (s sessionSubject[V]) prefix(string, func(modelKey, modelRow) bool)         {}

func (s sessionSubject[V]) history(key string, from, to record.Time, row func(modelKey, modelRow) bool) {
	for k, v := range s.Range(key, from, math.MaxInt64) {
		if k.End <= to && !s.row(k, v, 0, row) {
			return
		}
	}
}

func (s sessionSubject[V]) byTime(from, to record.Time, row func(modelKey, modelRow) bool) {
	from = max(from, s.visibleFrom()) // by time it gives more
	for e := range s.ByTime(from, to) {
		if !s.row(e.Key, e.Value, e.Time, row) {
			return
		}
	}
}
func (s sessionSubject[V]) expired() int64         { return s.Expired() }
func (s sessionSubject[V]) encode(v uint32) []byte { return s.kind.encode(v) }

func openSessions[V any](kind valueType[V]) func(*Space, Definition) subject {
	return func(s *Space, d Definition) subject {
		return sessionSubject[V]{OpenSession(s, d, serde.String(), kind.serde), kind}
	}
}

type keyValueSubject[V any] struct {
	*KeyValueStore[string, V]
	kind valueType[V]
}

type windowSubject[V any] struct {
	windowRows[V]
	kind valueType[V]
}

type windowRows[V any] interface {
	Window[string, V]
	Find(key string, start record.Time) (v V, at record.Time, ok bool)
	Set(v V, at record.Time)
	Remove(at record.Time)
	Expired() int64
}

// valueType turns the model's values into a store's.
type valueType[V any] struct {
	make  func(uint32) V
	read  func(V) uint32
	serde serde.Serde[V]
}

type pointed struct {
	N    *uint32
	Text string
}

var (
	numbers = valueType[int64]{func(v uint32) int64 { return int64(v) }, func(v int64) uint32 { return uint32(v) }, serde.Int64()}
	texts   = valueType[string]{
		func(v uint32) string {
			if v == 0 {
				return ""
			}
			return fmt.Sprintf("%*d", v%300, v)
		},
		func(v string) (n uint32) { fmt.Sscan(v, &n); return n },
		serde.String(),
	}
	// Byte slices tell their number by their length, which may be 0.
	byteValues = valueType[[]byte]{
		func(v uint32) []byte { return make([]byte, v) },
		func(v []byte) uint32 { return uint32(len(v)) },
		serde.Bytes(),
	}
	structs = valueType[pointed]{
		func(v uint32) pointed { return pointed{&v, "x"} },
		func(v pointed) uint32 { return *v.N },
		serde.JSON[pointed](),
	}
)

func (s keyValueSubject[V]) get(key string, _ record.Time) (uint32, record.Time, bool) {
	e, ok := s.Entry(key)
	if !ok {
		return 0, 0, false
	}
	return s.kind.read(e.Value), e.Time, true
}

func (s keyValueSubject[V]) update(key string, _ record.Time, to *uint32, at record.Time) {
	s.Find(key)
	if to == nil {
		s.Remove(at)
		return
	}
	s.Set(s.kind.make(*to), at)
}

func (s keyValueSubject[V]) put(key string, _ record.Time, v uint32, at record.Time) {
	s.PutAt(key, s.kind.make(v), at)
}
func (s keyValueSubject[V]) remove(key string, _ record.Time) { s.Delete(key) }

func (s keyValueSubject[V]) scan(_, _ record.Time, row func(modelKey, modelRow) bool) {
	for e := range s.Entries() {
		if !row(modelKey{0, e.Key}, modelRow{s.kind.read(e.Value), e.Time}) {
			return
		}
	}
}

func (s keyValueSubject[V]) prefix(p string, row func(modelKey, modelRow) bool) {
	for k, v := range s.Prefix([]byte(p)) {
		if !row(modelKey{0, k}, modelRow{s.kind.read(v), 0}) {
			return
		}
	}
}

func (s keyValueSubject[V]) between(r Range[string], row func(modelKey, modelRow) bool) {
	for k, v := range s.Scan(r) {
		if !row(modelKey{0, k}, modelRow{s.kind.read(v), 0}) {
			return
		}
	}
}
func (s keyValueSubject[V]) history(string, record.Time, record.Time, func(modelKey, modelRow) bool) {
}
func (s keyValueSubject[V]) byTime(record.Time, record.Time, func(modelKey, modelRow) bool) {}

func (s keyValueSubject[V]) expired() int64         { return 0 }
func (s keyValueSubject[V]) encode(v uint32) []byte { return s.kind.encode(v) }

func (k valueType[V]) encode(v uint32) []byte {
	b, err := k.serde.Append([]byte{}, k.make(v))
	if err != nil {
		panic(err)
	}
	return b
}

func (s windowSubject[V]) get(key string, start record.Time) (uint32, record.Time, bool) {
	e, ok := s.Entry(key, start)
	if !ok {
		return 0, 0, false
	}
	return s.kind.read(e.Value), e.Time, true
}

func (s windowSubject[V]) update(key string, start record.Time, to *uint32, at record.Time) {
	s.Find(key, start)
	if to == nil {
		s.Remove(at)
		return
	}
	s.Set(s.kind.make(*to), at)
}

func (s windowSubject[V]) put(key string, start record.Time, v uint32, at record.Time) {
	s.PutAt(key, start, s.kind.make(v), at)
}
func (s windowSubject[V]) remove(key string, start record.Time) { s.Delete(key, start) }

func (s windowSubject[V]) scan(from, to record.Time, row func(modelKey, modelRow) bool) {
	for e := range s.Entries(from, to) {
		if !row(modelKey{e.Key.Start, e.Key.Key}, modelRow{s.kind.read(e.Value), e.Time}) {
			return
		}
	}
}
func (s windowSubject[V]) between(Range[string], func(modelKey, modelRow) bool) {}
func (s windowSubject[V]) prefix(string, func(modelKey, modelRow) bool)         {}

func (s windowSubject[V]) history(key string, from, to record.Time, row func(modelKey, modelRow) bool) {
	for k, v := range s.Range(key, from, to) {
		if !row(modelKey{k.Start, k.Key}, modelRow{s.kind.read(v), 0}) {
			return
		}
	}
}
func (s windowSubject[V]) byTime(from, to record.Time, row func(modelKey, modelRow) bool) {
	keyed := s.windowRows.(*KeyedWindowStore[string, V])
	for e := range keyed.ByTime(from, to) {
		if !row(modelKey{e.Key.Start, e.Key.Key}, modelRow{s.kind.read(e.Value), e.Time}) {
			return
		}
	}
}

func (s windowSubject[V]) expired() int64         { return s.Expired() }
func (s windowSubject[V]) encode(v uint32) []byte { return s.kind.encode(v) }

func openSubject[V any](kind valueType[V], window bool) func(*Space, Definition) subject {
	return func(s *Space, d Definition) subject {
		if window && d.segment > 0 {
			return windowSubject[V]{OpenKeyedWindow(s, d, serde.String(), kind.serde), kind}
		}
		if window {
			return windowSubject[V]{OpenWindow(s, d, serde.String(), kind.serde), kind}
		}
		return keyValueSubject[V]{OpenKeyValue(s, d, serde.String(), kind.serde), kind}
	}
}

var modelStores = []definition{
	{Definition{Name: "kv-int64"}, false, openSubject(numbers, false)},
	{Definition{Name: "kv-string"}, false, openSubject(texts, false)},
	{Definition{Name: "kv-struct"}, false, openSubject(structs, false)},
	{Definition{Name: "kv-memory", InMemory: true}, false, openSubject(byteValues, false)},
	{Definition{Name: "w-int64", WindowSize: 10, Retention: 40 * time.Millisecond}, true, openSubject(numbers, true)},
	{Definition{Name: "w-bytes", WindowSize: 10, Retention: 400 * time.Millisecond}, true, openSubject(byteValues, true)},
	{Definition{Name: "w-memory", WindowSize: 10, Retention: 40 * time.Millisecond, InMemory: true}, true, openSubject(texts, true)},
	{Definition{Name: "w-ever"}, true, openSubject(structs, true)},
	{Definition{Name: "r-int64", WindowSize: 10, Retention: 40 * time.Millisecond, segment: 30}, true, openSubject(numbers, true)},
	{Definition{Name: "r-string", WindowSize: 10, Retention: 100 * time.Millisecond, segment: 20}, true, openSubject(texts, true)},
	{Definition{Name: "r-memory", WindowSize: 10, Retention: 40 * time.Millisecond, segment: 30, InMemory: true}, true, openSubject(structs, true)},
	{Definition{Name: "t-int64", WindowSize: 10, Retention: 60 * time.Millisecond, segment: 30, ByTime: true}, true, openSubject(numbers, true)},
	{Definition{Name: "t-memory", WindowSize: 10, Retention: 90 * time.Millisecond, segment: 20, ByTime: true, InMemory: true}, true, openSubject(texts, true)},
	{Definition{Name: "s-int64", Retention: 40 * time.Millisecond, segment: 30}, true, openSessions(numbers)},
	{Definition{Name: "s-string", Retention: 60 * time.Millisecond, segment: 20, ByTime: true}, true, openSessions(texts)},
	{Definition{Name: "s-memory", Retention: 60 * time.Millisecond, segment: 30, ByTime: true, InMemory: true}, true, openSessions(structs)},
}
