package processor

import (
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/windowing"
)

// openSpace opens an empty space in memory.
func openSpace(t testing.TB) *store.Space {
	t.Helper()
	space, err := store.OpenSpace(store.SpaceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := space.Err(); err != nil {
			t.Errorf("the space has failed: %v", err)
		}
		if err := space.Close(); err != nil {
			t.Error(err)
		}
	})
	return space
}

func openKeyValue[K, A any](
	t testing.TB, key serde.Serde[K], value serde.Serde[A],
) *store.KeyValueStore[K, A] {
	t.Helper()
	return store.OpenKeyValue(openSpace(t), store.Definition{Name: "rows", InMemory: true}, key, value)
}

func openWindow[K, A any](
	t testing.TB, w windowing.Windows, key serde.Serde[K], value serde.Serde[A],
) *store.WindowStore[K, A] {
	t.Helper()
	// Long enough for what a test looks at, and short enough to be an int64 with the longest grace.
	retention := w.Size()/2 + w.GracePeriod()/2 + 24*time.Hour
	return store.OpenWindow(openSpace(t), store.Definition{
		Name: "rows", InMemory: true, WindowSize: w.Size(), Retention: retention,
	}, key, value)
}
