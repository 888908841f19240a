package account

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// The topics of the application, as the account calls them.
const (
	Input   = "soak-events"
	Chains  = "soak-chains"  // of each key's numbers, with every event
	Tallies = "soak-tallies" // of a group's count and sum, with every event in it
	Updates = "soak-updates" // of each key's events in a window, with every event
	Closed  = "soak-closed"  // of each key's events in a window, once it is closed
)

// Topics are what the application writes to.
func Topics() []string { return []string{Chains, Tallies, Updates, Closed} }

// Result is a record that the application wrote.
type Result struct {
	Topic      string
	Partition  int32
	Offset     int64
	Key, Value []byte
}

// Seen takes in results, each partition's in order.
func (a *Account) Seen(r Result) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch r.Topic {
	case Chains:
		a.counts.Chains++
		a.seenChain(r)
	case Tallies:
		a.counts.Tallies++
		a.seenTally(r)
	case Updates:
		a.counts.Updates++
		a.seenUpdate(r)
	case Closed:
		a.counts.Closed++
		a.seenClosed(r)
	}
}

func (a *Account) differ(r Result, kind, want, got string) {
	a.differBy(r, kind, 1, want, got)
}

func (a *Account) differBy(r Result, kind string, n int64, want, got string) {
	a.bad(Difference{
		Kind: kind, Place: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: fmt.Sprintf("%q", r.Key), Want: want, Got: got,
	}, n)
}

// placed reports a result that is not in the partition of its key.
func (a *Account) placed(r Result, key string) {
	if want := PartitionOf([]byte(key), int32(len(a.streamTime))); want != r.Partition {
		a.differ(r, wrong, fmt.Sprintf("partition %d", want), fmt.Sprintf("partition %d", r.Partition))
	}
}

// chainKey is the key of a chain: that of its events, and a letter, so that they are in another
// partition.
func (a *Account) chainKey(key string) (*keyState, int32) {
	if name, ok := strings.CutPrefix(key, "c"); ok {
		if i, ok := a.index[name]; ok {
			return &a.keys[i], i
		}
	}
	return nil, 0
}

func (a *Account) seenChain(r Result) {
	k, i := a.chainKey(string(r.Key))
	got, ok := int64Of(r.Value)
	if k == nil || !ok {
		a.differ(r, wrong, "a chain of the input", fmt.Sprintf("%x", r.Value))
		return
	}
	a.placed(r, string(r.Key))
	next := link(k.at, numberOf(a.seed, i, k.seen))
	if k.seen < k.sent && got == next {
		k.seen, k.at = k.seen+1, next
		return
	}
	of := a.chainIndex(i, got)
	want := fmt.Sprintf("the result of event %d", k.seen+1)
	switch {
	case of < 0:
		a.differ(r, wrong, want, "the result of no beginning of its events")
	case of < k.seen:
		a.differ(r, doubled, want, fmt.Sprintf("that of %d again", of+1))
	default:
		a.differBy(r, lost, of-k.seen, want, fmt.Sprintf("that of %d", of+1))
		k.seen, k.at = of+1, got
	}
}

// chainIndex is after which of a key's events its chain is got; -1: after none.
func (a *Account) chainIndex(key int32, got int64) int64 {
	chain := int64(0)
	for i := range a.keys[key].sent {
		if chain = link(chain, numberOf(a.seed, key, i)); chain == got {
			return i
		}
	}
	return -1
}

func groupOf(key string) int {
	if digits, ok := strings.CutPrefix(key, "g"); ok {
		if g, err := strconv.Atoi(digits); err == nil && 0 <= g && g < Groups {
			return g
		}
	}
	return -1
}

// tallyOf is a count and a sum.
func tallyOf(value []byte) (count, sum int64, ok bool) {
	if len(value) != 16 {
		return 0, 0, false
	}
	return int64(binary.BigEndian.Uint64(value)), int64(binary.BigEndian.Uint64(value[8:])), true
}

func (a *Account) seenTally(r Result) {
	g := groupOf(string(r.Key))
	count, sum, ok := tallyOf(r.Value)
	if g < 0 || !ok {
		a.differ(r, wrong, "a tally of the input", fmt.Sprintf("%x", r.Value))
		return
	}
	a.placed(r, string(r.Key))
	t := &a.tallies[g]
	a.next(r, &t.seen, count)
	if count == t.count && sum != t.sum && t.seen == count {
		a.differ(r, wrong, fmt.Sprintf("sum %d of %d", t.sum, count), fmt.Sprint(sum))
	}
}

// next checks that counts go 1, 2, 3.
func (a *Account) next(r Result, seen *int64, got int64) {
	switch want := *seen + 1; {
	case got == want:
		*seen = got
	case got < want:
		a.differ(r, doubled, fmt.Sprintf("count %d", want), fmt.Sprint(got))
	default:
		a.differBy(r, lost, got-want, fmt.Sprintf("count %d", want), fmt.Sprint(got))
		*seen = got
	}
}

// windowOf is the window of a windowed key, and its key.
func (a *Account) windowOf(key []byte) (w window, name string, ok bool) {
	if len(key) < 8 {
		return w, "", false
	}
	name = string(key[:len(key)-8])
	i, ok := a.index[name]
	return window{i, int64(binary.BigEndian.Uint64(key[len(key)-8:]))}, name, ok
}

func (a *Account) windowResult(r Result) (w window, s *windowState, got int64) {
	w, name, ok := a.windowOf(r.Key)
	got, isCount := int64Of(r.Value)
	if ok {
		s = a.windows[w]
	}
	if s == nil || !isCount {
		a.differ(r, wrong, "a window of the input", fmt.Sprintf("%x", r.Value))
		return w, nil, 0
	}
	a.placed(r, name)
	return w, s, got
}

func (a *Account) seenUpdate(r Result) {
	if _, s, got := a.windowResult(r); s != nil {
		if a.next(r, &s.updates, got); s.updates > s.want {
			a.differ(r, wrong, fmt.Sprintf("at most %d", s.want), fmt.Sprint(got))
		}
	}
}

func (a *Account) seenClosed(r Result) {
	w, s, got := a.windowResult(r)
	switch {
	case s == nil:
		return
	case s.closed:
		a.differ(r, doubled, "one result of "+windowName(w), "another")
		return
	case !a.isClosed(w):
		a.differ(r, wrong, "no result of an open window", fmt.Sprint(got))
	case got != s.want:
		a.differ(r, wrong, fmt.Sprintf("count %d", s.want), fmt.Sprint(got))
	case w.start <= a.keys[w.key].closed:
		a.differ(r, wrong, fmt.Sprintf("a window after %d", a.keys[w.key].closed), fmt.Sprint(w.start))
	}
	s.closed = true
	a.keys[w.key].closed = max(a.keys[w.key].closed, w.start)
}

func int64Of(value []byte) (int64, bool) {
	if len(value) != 8 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(value)), true
}
