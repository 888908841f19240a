package main

import (
	"context"
	"encoding/binary"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/bench/internal/broker"
	"github.com/pitwheel/pitwheel/bench/internal/data"
	"github.com/pitwheel/pitwheel/bench/internal/measure"
)

// passthrough filters and maps.
type passthrough struct {
	l   *loop
	out *broker.Slab
}

func newPassthrough(l *loop) *passthrough { return &passthrough{l, broker.NewSlab(l.c.output)} }

func (w *passthrough) record(r *kgo.Record) {
	if !data.Kept(r.Value) {
		return
	}
	o := w.out.Blank(len(r.Key), len(r.Value), r.Timestamp.UnixMilli(), r.Partition)
	copy(o.Key, r.Key)
	data.Flagged(o.Value, r.Value)
	w.l.produce(o)
}

func (w *passthrough) flush() {}

// count counts per key and tumbling window. Windows that have closed are forgotten after the commit.
type count struct {
	l         *loop
	out, log  *broker.Slab
	windows   map[windowID]*window
	newest    map[int32]int64 // stream time by partition
	everyTime bool
}

type windowID struct {
	partition int32
	start     int64
}

type window struct {
	cells map[uint64]int32
	slab  []cell
	dirty []int32
}

type cell struct {
	key   uint64
	n     int64
	ts    int64
	dirty bool
}

func newCount(l *loop, changelog string) *count {
	return &count{l: l, out: broker.NewSlab(l.c.output), log: broker.NewSlab(changelog),
		windows: map[windowID]*window{}, newest: map[int32]int64{}, everyTime: l.c.cacheBytes == 0}
}

func (w *count) record(r *kgo.Record) {
	ts := r.Timestamp.UnixMilli()
	now := max(w.newest[r.Partition], ts)
	w.newest[r.Partition] = now
	start := data.WindowStart(ts, w.l.c.windowMs)
	if start+w.l.c.windowMs <= now-w.l.c.graceMs {
		return // late
	}
	id := windowID{r.Partition, start}
	win := w.windows[id]
	if win == nil {
		win = &window{cells: map[uint64]int32{}}
		w.windows[id] = win
	}
	key := data.KeyBits(r.Key)
	i, ok := win.cells[key]
	if !ok {
		i = int32(len(win.slab))
		win.slab = append(win.slab, cell{key: key})
		win.cells[key] = i
	}
	c := &win.slab[i]
	c.n++
	c.ts = max(c.ts, ts)
	if w.everyTime {
		w.emit(id, c)
	} else if !c.dirty {
		c.dirty = true
		win.dirty = append(win.dirty, i)
	}
}

func (w *count) emit(id windowID, c *cell) {
	var key [data.KeyLen]byte
	binary.BigEndian.PutUint64(key[:], c.key)
	log := w.log.Blank(data.WindowedKeyLen+4, 8, c.ts, id.partition)
	data.PutWindowedKey(log.Key, key[:], id.start)
	binary.BigEndian.PutUint64(log.Value, uint64(c.n))
	w.l.produce(log)
	out := w.out.Blank(data.WindowedKeyLen, 8, c.ts, id.partition)
	data.PutWindowedKey(out.Key, key[:], id.start)
	binary.BigEndian.PutUint64(out.Value, uint64(c.n))
	w.l.produce(out)
}

func (w *count) flush() {
	for id, win := range w.windows {
		for _, i := range win.dirty {
			win.slab[i].dirty = false
			w.emit(id, &win.slab[i])
		}
		win.dirty = win.dirty[:0]
		if id.start+w.l.c.windowMs <= w.newest[id.partition]-w.l.c.graceMs {
			delete(w.windows, id)
		}
	}
}

// reduce keeps, per key, the record with the highest amount.
type reduce struct {
	l         *loop
	out, log  *broker.Slab
	byKey     map[uint64]int32
	slab      []best
	dirty     []int32
	everyTime bool
}

type best struct {
	key       uint64
	ts        int64
	partition int32
	dirty     bool
	value     [data.ValueLen]byte
}

func newReduce(l *loop, changelog string) *reduce {
	return &reduce{l: l, out: broker.NewSlab(l.c.output), log: broker.NewSlab(changelog),
		byKey: map[uint64]int32{}, everyTime: l.c.cacheBytes == 0}
}

func (w *reduce) record(r *kgo.Record) {
	key := data.KeyBits(r.Key)
	i, ok := w.byKey[key]
	if !ok {
		i = int32(len(w.slab))
		w.slab = append(w.slab, best{key: key, partition: r.Partition})
		w.byKey[key] = i
	}
	b := &w.slab[i]
	if !ok || data.AmountOver(r.Value, b.value[:]) {
		copy(b.value[:], r.Value)
	}
	b.ts = max(b.ts, r.Timestamp.UnixMilli())
	if w.everyTime {
		w.emit(b)
	} else if !b.dirty {
		b.dirty = true
		w.dirty = append(w.dirty, i)
	}
}

func (w *reduce) emit(b *best) {
	for _, s := range []*broker.Slab{w.log, w.out} {
		r := s.Blank(data.KeyLen, data.ValueLen, b.ts, b.partition)
		binary.BigEndian.PutUint64(r.Key, b.key)
		copy(r.Value, b.value[:])
		w.l.produce(r)
	}
}

func (w *reduce) flush() {
	for _, i := range w.dirty {
		w.slab[i].dirty = false
		w.emit(&w.slab[i])
	}
	w.dirty = w.dirty[:0]
}

// restore reads reduce's changelog into a map.
func restore(ctx context.Context, c *config) error {
	cpu := measure.CPU()
	byKey := map[uint64]int32{}
	var slab []best
	var n, bytes int64
	begin := time.Now()
	err := broker.ReadAll(ctx, c.brokers, c.appID+"-best-changelog", c.guarantee == "eos", func(r *kgo.Record) {
		key := data.KeyBits(r.Key)
		i, ok := byKey[key]
		if !ok {
			i = int32(len(slab))
			slab = append(slab, best{key: key})
			byKey[key] = i
		}
		copy(slab[i].value[:], r.Value)
		n++
		bytes += int64(len(r.Key) + len(r.Value))
	})
	if err != nil {
		return err
	}
	took := time.Since(begin).Seconds()
	used := measure.CPU() - cpu
	r := c.result()
	r.Put("records", n).Float("ready_s", measure.SinceStart()).Float("start_to_ready_s", took).Float("cpu_s", used)
	r.Float("total_cpu_s", measure.CPU()).Put("restore_records", n).Put("restore_bytes", bytes).Float("restore_s", took)
	r.Rate("restore_rec_per_s", n, took).Rate("rec_per_cpu_s", n, used).Put("state_bytes", 0).Put("peak_rss_bytes", measure.PeakRSS())
	return r.Print(os.Stdout)
}
