package timer

// lateHeap orders the timers that were added with a time that the buckets had passed. They are few, and
// fire with the next Pop.
type lateHeap []lateTimer

type lateTimer struct {
	at     uint64
	order  uint64 // of adding
	n, use uint32
}

func (l *lateTimer) before(m *lateTimer) bool {
	return l.at < m.at || l.at == m.at && l.order < m.order
}

func (h *lateHeap) push(l lateTimer) {
	*h = append(*h, l)
	all := *h
	for i := len(all) - 1; i > 0; {
		above := (i - 1) / 2
		if !all[i].before(&all[above]) {
			return
		}
		all[i], all[above] = all[above], all[i]
		i = above
	}
}

func (h *lateHeap) pop() lateTimer {
	all := *h
	top, last := all[0], len(all)-1
	all[0] = all[last]
	all = all[:last]
	*h = all
	for i := 0; ; {
		least := i
		for below := 2*i + 1; below <= 2*i+2 && below < len(all); below++ {
			if all[below].before(&all[least]) {
				least = below
			}
		}
		if least == i {
			return top
		}
		all[i], all[least] = all[least], all[i]
		i = least
	}
}
