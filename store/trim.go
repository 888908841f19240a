package store

// charge brings this space's share in the sum of all caches up to date.
func (s *Space) charge() {
	var held int64
	for _, c := range s.stores {
		held += c.held()
	}
	s.shared.used.Add(held - s.charged)
	s.charged = held
}

// Trim evicts what is applied while the caches of the process are over their budget: first whole
// windows that were not used since the last call, the longest unused first, then rows that were
// not used. What is not applied stays; if that is too much, Shared.Over stays true and it is time
// to commit. Call it between steps: it is cheap while there is room.
func (s *Space) Trim() {
	s.epoch++
	s.charge()
	for _, c := range s.stores {
		c.age()
	}
	over := s.shared.used.Load() - s.shared.budget
	if over <= 0 || s.err != nil {
		return
	}
	// Some more than is needed, so that the next step does not have to do it again.
	need := over + s.shared.budget/8
	for _, c := range s.stores {
		if need > 0 {
			need -= c.dropIdle(s.epoch-1, need)
		}
	}
	if need > 0 {
		s.sweep(need)
	}
	s.charge()
}

// sweep evicts single rows, in all stores the same share.
func (s *Space) sweep(need int64) {
	var evictable int64
	for _, c := range s.stores {
		evictable += c.evictable()
	}
	if evictable == 0 {
		return
	}
	share := min(1, float64(need)/float64(evictable))
	for _, c := range s.stores {
		c.sweep(share)
	}
}
