package pitwheel_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// The handlers of Kubernetes' probes are the user's, and so is the socket they are served on:
//
//	livenessProbe:  {httpGet: {path: /livez, port: 8080}, periodSeconds: 10}
//	readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 5}
func ExampleApp_Health() {
	b := topology.NewBuilder()
	b.Stream(topology.NewTopic("in", serde.String(), serde.String())).To(topology.NewTopic("out", serde.String(), serde.String()))
	plan, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	app, err := pitwheel.New(plan, pitwheel.Config{ApplicationID: "copies", Brokers: []string{"localhost:9092"}})
	if err != nil {
		fmt.Println(err)
		return
	}

	answer := func(w http.ResponseWriter, err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, app.Health().Live()) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, app.Health().Ready()) })

	for _, path := range []string{"/livez", "/readyz"} { // app.Run was not called yet
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		fmt.Println(path, w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// /livez 200 ok
	// /readyz 503 pitwheel: not healthy: the app is created
}
