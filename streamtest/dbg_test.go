package streamtest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

func TestDbg(t *testing.T) {
	w := windowing.Tumbling(10 * time.Second).Grace(5 * time.Second)
	b := topology.NewBuilder()
	in := topology.NewTopic("in", serde.String(), serde.String())
	c := b.Stream(in).GroupByKey().WindowedBy(w).EmitOnClose().Count()
	c.ToStream().To(topology.NewTopic("out", w.KeySerde(serde.String()), serde.Int64()))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, p)
	i := d.Input(in)
	i.Pipe("a", "x", 40805)
	i.Pipe("b", "x", 53805)
	i.Pipe("d","x",54000)
	i.Pipe("d", "x", 57147)
	for e := range d.Window(c.Store()).Entries(0, 42147) {
		fmt.Println(e)
	}
	fmt.Println(d.Output(topology.NewTopic("out", w.KeySerde(serde.String()), serde.Int64())).All())
}
