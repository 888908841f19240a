package example_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/integration/example"
	"github.com/pitwheel/pitwheel/integration/kafkatest"
	"github.com/pitwheel/pitwheel/record"
)

// TestMain ends the Kafka that the tests have started.
func TestMain(m *testing.M) { kafkatest.Main(m) }

func TestViewsAreCountedByPage(t *testing.T) {
	plan, _, err := example.ViewsPerPage()
	if err != nil {
		t.Fatal(err)
	}
	k := kafkatest.Run(t)
	k.Create(3, example.Views, example.PerPage)
	k.Start(plan, pitwheel.Config{})

	views := k.Input(example.Views)
	views.Send("ann", example.View{Page: "/home"}, 1_000)
	views.Send("bob", example.View{Page: "/home"}, 2_000)
	views.Send("crawler", example.View{Page: "/home", Bot: true}, 3_000)
	views.Send("ann", example.View{Page: "/cart"}, 4_000)

	// Records of one key come in their order; those of different keys may not.
	got := map[string][]int64{}
	for _, r := range k.Output(example.PerPage).Next(3) {
		got[r.Key()] = append(got[r.Key()], r.Value())
	}
	want := map[string][]int64{"/home": {1, 2}, "/cart": {1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRestartGoesOn stops the application and starts it again, with the state directory that it had.
func TestRestartGoesOn(t *testing.T) {
	plan, counts, err := example.ViewsPerPage()
	if err != nil {
		t.Fatal(err)
	}
	k := kafkatest.Run(t)
	k.Create(3, example.Views, example.PerPage)
	config := pitwheel.Config{ApplicationID: kafkatest.Name(t, "views"), StateDir: filepath.Join(t.TempDir(), "state")}
	views := k.Input(example.Views)
	for run := range int64(2) {
		app := k.Start(plan, config)
		for i := range 100 {
			views.Send("ann", example.View{Page: "/home"}, record.Time(i))
		}
		// What is read from the repartition topic is counted and committed.
		app.AwaitRead(example.Views, kafkatest.Topic(app.ID+"-views-repartition"))
		n, _, err := app.KeyValue(counts).Get(t.Context(), "/home")
		if want := 100 * (run + 1); err != nil || n != want {
			t.Errorf("run %d: counted %d, %v, want %d", run, n, err, want)
		}
		app.Stop()
	}
	// Nothing was counted twice or left out.
	all := k.Output(example.PerPage).All()
	for i, r := range all {
		if r.Value() != int64(i+1) {
			t.Fatalf("update %d is %v", i+1, r)
		}
	}
	if len(all) != 200 {
		t.Errorf("there are %d updates, want 200", len(all))
	}
}
