package main

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"time"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// What follows is the application under test. It says for itself what package account says of it, so
// that no error is shared.

var (
	windows = windowing.Tumbling(10 * time.Second).Grace(5 * time.Second)

	events  = topology.NewTopic("soak-events", serde.String(), serde.Int64())
	chains  = topology.NewTopic("soak-chains", serde.String(), serde.Int64())
	tallies = topology.NewTopic("soak-tallies", serde.String(), tallySerde{})
	updates = topology.NewTopic("soak-updates", windows.KeySerde(serde.String()), serde.Int64())
	closed  = topology.NewTopic("soak-closed", windows.KeySerde(serde.String()), serde.Int64())
)

// tally is a count and a sum.
type tally struct{ count, sum int64 }

type tallySerde struct{}

func (tallySerde) Append(dst []byte, t tally) ([]byte, error) {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, uint64(t.count)), uint64(t.sum)), nil
}

func (tallySerde) Decode(data []byte) (t tally, err error) {
	if len(data) != 16 {
		return t, fmt.Errorf("a tally has 16 bytes, this has %d", len(data))
	}
	return tally{int64(binary.BigEndian.Uint64(data)), int64(binary.BigEndian.Uint64(data[8:]))}, nil
}

func link(chain, number int64) int64 {
	x := bits.RotateLeft64(uint64(chain)*0x9e3779b97f4a7c15, 23) ^ uint64(number)
	return int64((x ^ x>>29) * 0xbf58476d1ce4e5b9)
}

// application is a plan and the handles of its stores.
type application struct {
	plan             *topology.Plan
	chains, largest  store.KeyValueRef[string, int64]
	tallies          store.KeyValueRef[string, tally]
	updates, closing store.WindowRef[string, int64]
}

// newApplication makes the plan of a version; version 2 has one step more.
func newApplication(version int) (*application, error) {
	a := &application{}
	b := topology.NewBuilder()
	in := b.Stream(events)

	largest := in.GroupByKey().Reduce(func(_ string, x, y int64) int64 { return max(x, y) }, topology.As("largest"))
	a.largest = largest.Store()
	byWindow := in.GroupByKey().WindowedBy(windows)
	counts := byWindow.Count(topology.As("updates"), topology.Retention(30*time.Minute))
	a.updates = counts.Store()
	counts.ToStream().To(updates)
	// A store forgets windows once stream time has passed them by its retention, also those that the same
	// record closes. What ends a load moves it by more than the default keeps.
	final := byWindow.EmitOnClose().Count(topology.As("closing"), topology.Retention(time.Minute))
	a.closing = final.Store()
	final.ToStream().To(closed)

	chained := in.SelectKey(func(key string, _ int64) string { return "c" + key }).
		GroupByKey().
		Aggregate(func() int64 { return 0 }, func(_ string, number, chain int64) int64 { return link(chain, number) }, topology.As("chains"))
	a.chains = chained.Store()
	results := chained.ToStream()
	if version > 1 {
		results = results.MapValues(func(_ string, chain int64) int64 { return chain })
	}
	results.To(chains)

	tallied := in.Filter(func(_ string, number int64) bool { return number%4 == 0 }).
		SelectKey(func(_ string, number int64) string { return fmt.Sprintf("g%d", number%97) }).
		GroupByKey().
		Aggregate(func() tally { return tally{} },
			func(_ string, number int64, t tally) tally { return tally{t.count + 1, t.sum + number} },
			topology.As("tallies"), topology.ValueSerde[tally](tallySerde{}))
	a.tallies = tallied.Store()
	tallied.ToStream().To(tallies)

	var err error
	a.plan, err = b.Build()
	return a, err
}
