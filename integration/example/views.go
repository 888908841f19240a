package example

import (
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
)

// View is what is known of somebody looking at a page.
type View struct {
	Page string
	Bot  bool
}

// The topics.
var (
	Views   = topology.NewTopic("page-views", serde.String(), serde.JSON[View]())
	PerPage = topology.NewTopic("views-per-page", serde.String(), serde.Int64())
)

// ViewsPerPage counts, for each page, how often people look at it.
func ViewsPerPage() (*topology.Plan, store.KeyValueRef[string, int64], error) {
	b := topology.NewBuilder()
	counts := b.Stream(Views).
		Filter(func(_ string, v View) bool { return !v.Bot }).
		SelectKey(func(_ string, v View) string { return v.Page }).
		GroupByKey().
		Count(topology.As("views"))
	counts.ToStream().To(PerPage)
	plan, err := b.Build()
	return plan, counts.Store(), err
}
