package account

import (
	"fmt"
)

// The application's stores.
const (
	ChainStore   = "chains"
	TallyStore   = "tallies"
	LargestStore = "largest"
	UpdateStore  = "updates"
	CloseStore   = "closing"
)

// Stores are those with a changelog, which are all.
func Stores() []string {
	return []string{ChainStore, TallyStore, LargestStore, UpdateStore, CloseStore}
}

// Changelog takes in a record of a store's changelog, each partition's in order. Topic is the store.
func (a *Account) Changelog(r Result) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch r.Topic {
	case UpdateStore, CloseStore:
		a.windowChange(r)
	default:
		if to, key := a.rowOf(r, false); to != nil {
			a.placed(r, key)
			to.times++
		}
	}
}

// Row takes in a row that a query of an instance gave. Topic is the store.
func (a *Account) Row(r Result) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch r.Topic {
	case UpdateStore, CloseStore:
		w, _, ok := a.windowOf(r.Key)
		got, isCount := int64Of(r.Value)
		if s := a.windows[w]; !ok || s == nil || !isCount || got != s.want {
			a.differ(r, wrong, "the count of its window", fmt.Sprintf("%x", r.Value))
		}
	default:
		to, _ := a.rowOf(r, true)
		if to == nil {
			return
		}
		if to.times++; to.times > 1 {
			a.differ(r, doubled, "a row once, of one instance", "again")
		}
	}
}

// rowOf is where a row of a key-value store is kept, holding the value; nil if there is none such.
func (a *Account) rowOf(r Result, query bool) (to *row, key string) {
	key = string(r.Key)
	switch r.Topic {
	case ChainStore:
		if k, _ := a.chainKey(key); k != nil {
			to = pick(query, &k.query, &k.changelog)
		}
	case LargestStore:
		if i, ok := a.index[key]; ok {
			to = pick(query, &a.keys[i].reducedHere, &a.keys[i].reduced)
		}
	case TallyStore:
		if g := groupOf(key); g >= 0 {
			to = pick(query, &a.tallies[g].query, &a.tallies[g].changelog)
		}
	}
	ok := to != nil
	if ok {
		if r.Topic == TallyStore {
			to.count, to.value, ok = tallyOf(r.Value)
		} else {
			to.value, ok = int64Of(r.Value)
		}
	}
	if !ok {
		a.differ(r, wrong, "a row of the input", fmt.Sprintf("%x", r.Value))
		return nil, ""
	}
	return to, key
}

func pick(first bool, x, y *row) *row {
	if first {
		return x
	}
	return y
}

// windowChange takes in a change of a window store: the key, the window's start and a number that is
// always 0.
func (a *Account) windowChange(r Result) {
	if len(r.Key) < 12 {
		a.differ(r, wrong, "a window's key", "a short one")
		return
	}
	w, name, ok := a.windowOf(r.Key[:len(r.Key)-4])
	got, isCount := int64Of(r.Value)
	s := a.windows[w]
	if !ok || s == nil || !isCount {
		a.differ(r, wrong, "a window of the input", fmt.Sprintf("%x", r.Value))
		return
	}
	a.placed(r, name)
	if r.Topic == UpdateStore {
		s.changelog = got
	} else {
		s.final = got
	}
}

// CheckChangelogs compares what the changelogs fold to with what the events do.
func (a *Account) CheckChangelogs() { a.check(false) }

// CheckRows compares the rows that all queries together gave.
func (a *Account) CheckRows() { a.check(true) }

func (a *Account) check(query bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	how := " (changelog)"
	if query {
		how = " (query)"
	}
	compare := func(store, key string, got row, count, value int64) {
		if got.times == 0 && count == 0 {
			return
		}
		if store != TallyStore {
			got.count = count
		}
		if got.times == 0 || got.value != value || got.count != count {
			a.bad(Difference{Kind: wrong, Place: store + how, Key: key, Offset: -1,
				Want: fmt.Sprintf("%d of %d events", value, count), Got: fmt.Sprintf("%d of %d, told %d times", got.value, got.count, got.times)}, 1)
		}
	}
	for i := range a.keys {
		k := &a.keys[i]
		compare(ChainStore, "c"+keyName(int32(i)), *pick(query, &k.query, &k.changelog), k.sent, k.chain)
		compare(LargestStore, keyName(int32(i)), *pick(query, &k.reducedHere, &k.reduced), k.sent, k.largest)
	}
	for g := range a.tallies {
		t := &a.tallies[g]
		compare(TallyStore, groupName(g), *pick(query, &t.query, &t.changelog), t.count, t.sum)
	}
	if query {
		return
	}
	for w, s := range a.windows {
		// What a store has forgotten before its commit is not in its changelog.
		updates := s.changelog == s.want || a.isForgotten(w, updatesKept) && s.changelog < s.want
		final := s.final == s.want || a.isForgotten(w, closingKept) && s.final < s.want
		if !updates || !final {
			a.bad(Difference{Kind: wrong, Place: "windows" + how, Key: windowName(w), Offset: -1,
				Want: fmt.Sprint(s.want), Got: fmt.Sprintf("%d in %s, %d in %s", s.changelog, UpdateStore, s.final, CloseStore)}, 1)
		}
	}
}
