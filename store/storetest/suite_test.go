package storetest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSpacesInMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Place {
		return storetest.Place{Open: func() (*store.Space, error) { return store.OpenSpace(store.SpaceConfig{}) }}
	})
}

func TestSpacesOnDisk(t *testing.T) {
	runOnDisk(t, 0)
}

// With nearly no room for the cache everything comes from the backend again and again.
func TestSpacesOnDiskWithoutCache(t *testing.T) {
	runOnDisk(t, 1)
}

func runOnDisk(t *testing.T, cacheBytes int64) {
	shared := store.NewShared(cacheBytes, 0)
	t.Cleanup(func() {
		if err := shared.Close(); err != nil {
			t.Error(err)
		}
	})
	storetest.Run(t, func(t *testing.T) storetest.Place {
		dir := t.TempDir()
		return storetest.Place{
			Open:    func() (*store.Space, error) { return store.OpenSpace(store.SpaceConfig{Dir: dir, Shared: shared}) },
			Durable: true,
		}
	})
}
