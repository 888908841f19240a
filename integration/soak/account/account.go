package account

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"sync"
)

// Account is what must have come of the events so far, and what was seen to come.
type Account struct {
	mu         sync.Mutex
	seed       uint64
	index      map[string]int32 // of the keys
	keys       []keyState
	tallies    [Groups]tallyState
	windows    map[window]*windowState
	streamTime []int64 // by input partition
	counts     Counts
	found      []Difference
}

// Counts are what the account has seen and what was wrong with it.
type Counts struct {
	Events, Chains, Tallies, Updates, Closed int64
	Lost, Doubled, Wrong                     int64
}

// Bad is how many broken promises there are.
func (c Counts) Bad() int64 { return c.Lost + c.Doubled + c.Wrong }

// Outputs is how many results were seen.
func (c Counts) Outputs() int64 { return c.Chains + c.Tallies + c.Updates + c.Closed }

// Difference is a broken promise.
type Difference struct {
	Kind      string // lost, doubled, wrong
	Place     string // the topic or store
	Partition int32
	Offset    int64 // -1: of no record
	Key       string
	Want, Got string
}

// String is one line.
func (d Difference) String() string {
	at := fmt.Sprintf("%s[%d]", d.Place, d.Partition)
	if d.Offset >= 0 {
		at += fmt.Sprintf("@%d", d.Offset)
	}
	return fmt.Sprintf("%-7s %s key %s: want %s, got %s", d.Kind, at, d.Key, d.Want, d.Got)
}

type (
	keyState struct {
		sent, chain, largest int64
		seen, at             int64 // results of the chain that were seen, and the last of them
		closed               int64 // the start of the last window that was seen closed
		changelog, query     row   // of the store of chains
		reduced, reducedHere row   // of the store of largest numbers
	}
	tallyState struct {
		count, sum       int64
		seen             int64
		changelog, query row
	}
	window struct {
		key   int32
		start int64
	}
	windowState struct {
		want, updates    int64
		closed           bool
		changelog, final int64 // the rows of the two stores' changelogs; 0: none
	}
	// row is a store's row as somebody says it is.
	row struct {
		value, count int64
		times        int // how often it was told: a query must tell it once
	}
)

// maxFound bounds the differences that are kept; all are counted.
const maxFound = 20

// New makes an account of what the events will give.
func New(e *Events, partitions int32) *Account {
	a := &Account{
		seed: e.seed, index: make(map[string]int32, len(e.keys)), keys: make([]keyState, len(e.keys)),
		windows: map[window]*windowState{}, streamTime: make([]int64, partitions),
	}
	for i, key := range e.keys {
		a.index[key] = int32(i)
		a.keys[i].closed = -1
	}
	return a
}

// Sent takes in an event. It must be told before the application can see the event.
func (a *Account) Sent(events ...Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range events {
		k := &a.keys[e.key]
		k.sent++
		k.chain = link(k.chain, e.Number)
		k.largest = max(k.largest, e.Number)
		if e.Number%tallyOneIn == 0 {
			t := &a.tallies[e.Number%Groups]
			t.count++
			t.sum += e.Number
		}
		a.window(window{e.key, e.At - e.At%WindowMillis}).want++
		a.streamTime[e.Partition] = max(a.streamTime[e.Partition], e.At)
	}
	a.counts.Events += int64(len(events))
}

// link is what a chain becomes with a number: it tells all numbers and their order.
func link(chain, number int64) int64 {
	x := bits.RotateLeft64(uint64(chain)*0x9e3779b97f4a7c15, 23) ^ uint64(number)
	return int64((x ^ x>>29) * 0xbf58476d1ce4e5b9)
}

func (a *Account) window(w window) *windowState {
	s := a.windows[w]
	if s == nil {
		s = &windowState{}
		a.windows[w] = s
	}
	return s
}

// Counts are as of now.
func (a *Account) Counts() Counts {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.counts
}

// Found are the first differences.
func (a *Account) Found() []Difference {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.found)
}

func (a *Account) bad(d Difference, n int64) {
	switch d.Kind {
	case lost:
		a.counts.Lost += n
	case doubled:
		a.counts.Doubled += n
	default:
		a.counts.Wrong += n
	}
	if len(a.found) < maxFound {
		a.found = append(a.found, d)
	}
}

// The kinds of differences.
const (
	lost    = "lost"
	doubled = "doubled"
	wrong   = "wrong"
)

// Missing says what has not been seen yet of what must come, and is empty once all has. It takes as
// closed what the events' times have closed.
func (a *Account) Missing() (missing Counts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.keys {
		missing.Chains += a.keys[i].sent - a.keys[i].seen
	}
	for i := range a.tallies {
		missing.Tallies += a.tallies[i].count - a.tallies[i].seen
	}
	for w, s := range a.windows {
		missing.Updates += s.want - s.updates
		if !s.closed && a.isClosed(w) {
			missing.Closed++
		}
	}
	return missing
}

// isClosed is whether the events' times have closed the window.
func (a *Account) isClosed(w window) bool {
	return w.start+WindowMillis+GraceMillis <= a.timeOf(w)
}

// isForgotten is whether a store that keeps windows for so long has forgotten it.
func (a *Account) isForgotten(w window, kept int64) bool { return w.start+kept <= a.timeOf(w) }

// timeOf is the highest time of the events in the window's partition.
func (a *Account) timeOf(w window) int64 {
	return a.streamTime[PartitionOf([]byte(keyName(w.key)), int32(len(a.streamTime)))]
}

func keyName(key int32) string { return fmt.Sprintf("k%d", key) }

// Lose takes what is still missing for lost: nothing more will come.
func (a *Account) Lose() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.keys {
		if k := &a.keys[i]; k.seen < k.sent {
			a.bad(Difference{Kind: lost, Place: Chains, Key: keyName(int32(i)), Offset: -1,
				Want: fmt.Sprintf("%d results", k.sent), Got: fmt.Sprint(k.seen)}, k.sent-k.seen)
		}
	}
	for i := range a.tallies {
		if t := &a.tallies[i]; t.seen < t.count {
			a.bad(Difference{Kind: lost, Place: Tallies, Key: groupName(i), Offset: -1,
				Want: fmt.Sprintf("%d results", t.count), Got: fmt.Sprint(t.seen)}, t.count-t.seen)
		}
	}
	a.loseWindows()
}

func (a *Account) loseWindows() {
	order := slices.SortedFunc(maps.Keys(a.windows), func(x, y window) int {
		return 2*sign(x.start-y.start) + sign(int64(x.key-y.key))
	})
	for _, w := range order {
		s := a.windows[w]
		if s.updates < s.want {
			a.bad(Difference{Kind: lost, Place: Updates, Key: windowName(w), Offset: -1,
				Want: fmt.Sprintf("%d results", s.want), Got: fmt.Sprint(s.updates)}, s.want-s.updates)
		}
		if !s.closed && a.isClosed(w) {
			a.bad(Difference{Kind: lost, Place: Closed, Key: windowName(w), Offset: -1,
				Want: fmt.Sprintf("a result of %d", s.want), Got: "none"}, 1)
		}
	}
}

func sign(n int64) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func groupName(g int) string     { return fmt.Sprintf("g%d", g) }
func windowName(w window) string { return fmt.Sprintf("%s@%d", keyName(w.key), w.start) }
