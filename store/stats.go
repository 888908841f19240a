package store

// StoreStats are a store's numbers since it was opened.
type StoreStats struct {
	Name        string
	CacheHits   int64 // look-ups that the write-back cache answered, also that there is no such row
	CacheMisses int64 // look-ups that read the rows below it
	CacheBytes  int64 // about what its rows in the cache take
	Expired     int64 // writes dropped because their window was past its retention
}

// Stats are the numbers of the space's stores, in the order they were opened. It does no I/O.
func (s *Space) Stats() []StoreStats {
	all := make([]StoreStats, 0, len(s.stores))
	for _, c := range s.stores {
		if c.core().layout.indexes() { // it stands behind its store, as a part of it
			all[len(all)-1].CacheBytes += c.held()
			continue
		}
		all = append(all, c.stats())
	}
	return all
}

// DiskStats are a space's bytes on disk and on their way there.
type DiskStats struct {
	TableBytes     int64 // of Pebble's tables
	MemTableBytes  int64 // of Pebble's memtables
	UnflushedBytes int64 // see UnflushedBytes
}

// Disk is about how much the space takes; zero for one in memory. It does no I/O, but sums up Pebble's
// levels, which takes some microseconds.
func (s *Space) Disk() DiskStats {
	if s.closed {
		return DiskStats{}
	}
	d := DiskStats{UnflushedBytes: s.primary.unflushed()}
	d.TableBytes, d.MemTableBytes = s.primary.size()
	return d
}

func (c *cache[V, T]) stats() StoreStats {
	return StoreStats{
		Name: c.name, CacheHits: c.looked - c.missed, CacheMisses: c.missed, CacheBytes: c.held(), Expired: c.expired,
	}
}
