package check

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/bench/internal/broker"
	"github.com/pitwheel/pitwheel/bench/internal/data"
)

// Params are the workload's parameters that its result depends on.
type Params struct {
	Brokers, Workload    string
	Input, Table, Output string
	WindowMs, GraceMs    int64
	EmitClose            bool
}

// Report is the outcome. A run is right when Lost and Duplicated are 0.
//
// For count, Lost is the sum over all (key, window) of how much the final count is too low, Duplicated of how much it
// is too high. For reduce, a key whose final value is not the expected one counts as lost, a key that should not be
// there as duplicated. For passthrough and join, input records without an output record are lost, further output
// records for the same input record are duplicated, and one with another key or value is malformed.
type Report struct {
	Input      int64 `json:"input"`
	Late       int64 `json:"late"`     // input records that a closed window refuses
	Expected   int64 `json:"expected"` // (key, window) pairs, keys, or output records
	Output     int64 `json:"output"`   // records in the output topic, as a read_committed consumer sees them
	Lost       int64 `json:"lost"`
	Duplicated int64 `json:"duplicated"`
	Backwards  int64 `json:"backwards"` // outputs that went backwards or repeated: 0 if nothing was processed twice
	Malformed  int64 `json:"malformed"`
}

// OK reports whether nothing was lost or duplicated.
func (r *Report) OK() bool { return r.Lost == 0 && r.Duplicated == 0 && r.Malformed == 0 }

// Run reads both topics and compares them.
func Run(ctx context.Context, p Params) (*Report, error) {
	switch p.Workload {
	case "count":
		return count(ctx, p)
	case "passthrough":
		return passthrough(ctx, p)
	case "reduce":
		return reduce(ctx, p)
	case "join":
		return join(ctx, p)
	}
	return nil, fmt.Errorf("check: unknown workload %q", p.Workload)
}

type pair struct {
	key   uint64
	start int64
}

type counts struct{ want, got int64 }

// counting is the re-computation of count.
type counting struct {
	p          Params
	rep        *Report
	byPair     map[pair]*counts
	slab       []counts
	streamTime map[int32]int64 // by partition
}

func count(ctx context.Context, p Params) (*Report, error) {
	c := &counting{p: p, rep: &Report{}, byPair: map[pair]*counts{}, streamTime: map[int32]int64{}}
	partitions, err := partitionsOf(ctx, p.Brokers, p.Input)
	if err != nil {
		return nil, err
	}
	if err := broker.ReadAll(ctx, p.Brokers, p.Input, false, c.input); err != nil {
		return nil, err
	}
	c.rep.Expected = int64(len(c.byPair))
	if err := broker.ReadAll(ctx, p.Brokers, p.Output, true, c.output); err != nil {
		return nil, err
	}
	for k, n := range c.byPair {
		c.compare(k, n, partitions)
	}
	return c.rep, nil
}

func (c *counting) at(k pair) *counts {
	n := c.byPair[k]
	if n == nil {
		if len(c.slab) == 0 {
			c.slab = make([]counts, 4096)
		}
		n, c.slab = &c.slab[0], c.slab[1:]
		c.byPair[k] = n
	}
	return n
}

func (c *counting) input(r *kgo.Record) {
	c.rep.Input++
	ts := r.Timestamp.UnixMilli()
	now := max(c.streamTime[r.Partition], ts)
	c.streamTime[r.Partition] = now
	start := data.WindowStart(ts, c.p.WindowMs)
	if start+c.p.WindowMs <= now-c.p.GraceMs {
		c.rep.Late++
		return
	}
	c.at(pair{data.KeyBits(r.Key), start}).want++
}

func (c *counting) output(r *kgo.Record) {
	c.rep.Output++
	if len(r.Key) != data.WindowedKeyLen || len(r.Value) != 8 {
		c.rep.Malformed++
		return
	}
	key, start := data.WindowedKey(r.Key)
	at := c.at(pair{key, start})
	n := int64(binary.BigEndian.Uint64(r.Value))
	if n <= at.got {
		c.rep.Backwards++
	}
	at.got = n
}

func (c *counting) compare(k pair, n *counts, partitions int32) {
	if c.p.EmitClose && n.got == 0 {
		// A window that no record has closed yet is rightly still silent.
		var key [data.KeyLen]byte
		binary.BigEndian.PutUint64(key[:], k.key)
		if k.start+c.p.WindowMs > c.streamTime[data.Partition(key[:], partitions)]-c.p.GraceMs {
			c.rep.Expected--
			return
		}
	}
	if n.got < n.want {
		c.rep.Lost += n.want - n.got
	} else {
		c.rep.Duplicated += n.got - n.want
	}
}

// expectation is an output record that must come once.
type expectation struct {
	sum  uint64 // of its key and value
	seen bool
}

var seed = maphash.MakeSeed()

// sum stands for a record's key and value, which are too many to keep.
func sum(key, value []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.Write(key)
	_, _ = h.Write(value)
	return h.Sum64()
}

// each compares an output whose records must come once each, by the number in their values.
type each struct {
	rep  *Report
	want map[int64]expectation
	last map[uint64]int64 // by key: the last number
}

func newEach() *each {
	return &each{rep: &Report{}, want: map[int64]expectation{}, last: map[uint64]int64{}}
}

// output takes a record of the right length.
func (e *each) output(key, value []byte) {
	seq, id := data.Seq(value), data.KeyBits(key)
	if seq <= e.last[id] {
		e.rep.Backwards++
	}
	e.last[id] = seq
	x, ok := e.want[seq]
	switch {
	case !ok || x.seen:
		e.rep.Duplicated++
		return
	case x.sum != sum(key, value):
		e.rep.Malformed++
	}
	x.seen = true
	e.want[seq] = x
}

func (e *each) report() *Report {
	e.rep.Expected = int64(len(e.want))
	for _, x := range e.want {
		if !x.seen {
			e.rep.Lost++
		}
	}
	return e.rep
}

func passthrough(ctx context.Context, p Params) (*Report, error) {
	e := newEach()
	var flagged [data.ValueLen]byte
	err := broker.ReadAll(ctx, p.Brokers, p.Input, false, func(r *kgo.Record) {
		e.rep.Input++
		if data.Kept(r.Value) {
			data.Flagged(flagged[:], r.Value)
			e.want[data.Seq(r.Value)] = expectation{sum: sum(r.Key, flagged[:])}
		}
	})
	if err != nil {
		return nil, err
	}
	err = broker.ReadAll(ctx, p.Brokers, p.Output, true, func(r *kgo.Record) {
		e.rep.Output++
		if len(r.Key) != data.KeyLen || len(r.Value) != data.ValueLen {
			e.rep.Malformed++
			return
		}
		e.output(r.Key, r.Value)
	})
	return e.report(), err
}

// best is the re-computation of reduce for a key.
type best struct {
	amount    int64
	want, got uint64 // sums
	gotAmount int64  // of the last output
}

func reduce(ctx context.Context, p Params) (*Report, error) {
	rep := &Report{}
	byKey := map[uint64]best{}
	err := broker.ReadAll(ctx, p.Brokers, p.Input, false, func(r *kgo.Record) {
		rep.Input++
		k := data.KeyBits(r.Key)
		b, ok := byKey[k]
		if amount := data.Amount(r.Value); !ok || amount > b.amount {
			byKey[k] = best{amount: amount, want: sum(r.Key, r.Value)}
		}
	})
	if err != nil {
		return nil, err
	}
	rep.Expected = int64(len(byKey))
	err = broker.ReadAll(ctx, p.Brokers, p.Output, true, func(r *kgo.Record) {
		rep.Output++
		if len(r.Key) != data.KeyLen || len(r.Value) != data.ValueLen {
			rep.Malformed++
			return
		}
		k := data.KeyBits(r.Key)
		b, ok := byKey[k]
		if !ok {
			rep.Duplicated++
			return
		}
		// The amount can only rise; an unchanged best may be sent again.
		amount := data.Amount(r.Value)
		if amount < b.gotAmount {
			rep.Backwards++
		}
		b.got, b.gotAmount = sum(r.Key, r.Value), amount
		byKey[k] = b
	})
	if err != nil {
		return nil, err
	}
	for _, b := range byKey {
		if b.got != b.want {
			rep.Lost++
		}
	}
	return rep, nil
}

func join(ctx context.Context, p Params) (*Report, error) {
	table := map[uint64][]byte{}
	if err := broker.ReadAll(ctx, p.Brokers, p.Table, false, func(r *kgo.Record) {
		table[data.KeyBits(r.Key)] = slices.Clone(r.Value)
	}); err != nil {
		return nil, err
	}
	e := newEach()
	var joined [data.JoinedLen]byte
	if err := broker.ReadAll(ctx, p.Brokers, p.Input, false, func(r *kgo.Record) {
		e.rep.Input++
		if row, ok := table[data.KeyBits(r.Key)]; ok {
			data.Joined(joined[:], r.Value, row)
			e.want[data.Seq(r.Value)] = expectation{sum: sum(r.Key, joined[:])}
		}
	}); err != nil {
		return nil, err
	}
	err := broker.ReadAll(ctx, p.Brokers, p.Output, true, func(r *kgo.Record) {
		e.rep.Output++
		if len(r.Key) != data.KeyLen || len(r.Value) != data.JoinedLen {
			e.rep.Malformed++
			return
		}
		e.output(r.Key, r.Value)
	})
	return e.report(), err
}

func partitionsOf(ctx context.Context, brokers, topic string) (int32, error) {
	adm, err := broker.Admin(brokers)
	if err != nil {
		return 0, err
	}
	defer adm.Close()
	ends, err := broker.Ends(ctx, adm, topic, false)
	return int32(len(ends)), err
}
