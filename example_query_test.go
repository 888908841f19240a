package pitwheel_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
)

// An HTTP handler that answers from a table of the app. It needs a Kafka to run against, so it is
// only compiled here.
func ExampleApp_KeyValue() {
	views := topology.NewTopic("page-views", serde.String(), serde.String())
	b := topology.NewBuilder()
	perPage := b.Stream(views).
		GroupBy(func(_, page string) string { return page }).
		Count(topology.As("per-page")).
		Store()
	plan, err := b.Build()
	if err != nil {
		panic(err)
	}
	app, err := pitwheel.New(plan, pitwheel.Config{ApplicationID: "views", Brokers: []string{"localhost:9092"}})
	if err != nil {
		panic(err)
	}
	reader := app.KeyValue(perPage)

	http.HandleFunc("GET /views", func(w http.ResponseWriter, r *http.Request) {
		n, ok, err := reader.Get(r.Context(), r.FormValue("page"))
		switch {
		case errors.Is(err, store.ErrNotHere):
			http.Error(w, "ask another instance", http.StatusMisdirectedRequest)
		case errors.Is(err, store.ErrRestoring), errors.Is(err, store.ErrNotReady):
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		case !ok:
			http.NotFound(w, r)
		default:
			_ = json.NewEncoder(w).Encode(n)
		}
	})
	if err := app.Run(context.Background()); err != nil {
		panic(err)
	}
}
