package processor

import "fmt"

// recordCache holds back the last update of each key until flush; see Cached.
type recordCache[K, A any] struct {
	step   *Step
	config *Cached[K]
	next   EmitChange[K, A]

	index map[string]int // by key bytes: where in held
	held  []heldChange[K, A]
	first int // in the order of their last updates; -1: none held
	last  int
	key   []byte // the current key's bytes
}

// heldChange is an element of a list that is linked by index, so that a key updated again goes to
// the end at once and without garbage.
type heldChange[K, A any] struct {
	change         Change[K, A]
	before, behind int // -1: none
}

func newRecordCache[K, A any](step *Step, config *Cached[K], next EmitChange[K, A]) *recordCache[K, A] {
	c := &recordCache[K, A]{
		step: step, config: config, next: next,
		index: make(map[string]int), first: -1, last: -1,
	}
	config.OnFlush(c.flush)
	return c
}

// hold takes an update over. stored is what the table held before it.
func (c *recordCache[K, A]) hold(u *Change[K, A], stored A, has bool) (err error) {
	if c.key, err = appendTo(c.config.Key, c.key[:0], u.Key); err != nil {
		return c.step.Fail(Encode, fmt.Errorf("encode key for the record cache: %w", err))
	}
	at, known := c.index[string(c.key)]
	if known {
		c.unlink(at)
		old, hasOld := c.held[at].change.Old, c.held[at].change.HasOld
		c.held[at].change = *u
		c.held[at].change.Old, c.held[at].change.HasOld = old, hasOld
	} else {
		at = len(c.held)
		c.index[string(c.key)] = at
		c.held = append(c.held, heldChange[K, A]{change: *u})
		c.held[at].change.Old, c.held[at].change.HasOld = stored, has
	}
	c.linkLast(at)
	return nil
}

func (c *recordCache[K, A]) unlink(at int) {
	h := &c.held[at]
	if h.before < 0 {
		c.first = h.behind
	} else {
		c.held[h.before].behind = h.behind
	}
	if h.behind < 0 {
		c.last = h.before
	} else {
		c.held[h.behind].before = h.before
	}
}

func (c *recordCache[K, A]) linkLast(at int) {
	c.held[at].before, c.held[at].behind = c.last, -1
	if c.last < 0 {
		c.first = at
	} else {
		c.held[c.last].behind = at
	}
	c.last = at
}

// flush emits what is held back. A row that was not there and is not there is left out.
func (c *recordCache[K, A]) flush() error {
	for at := c.first; at >= 0; at = c.held[at].behind {
		change := &c.held[at].change
		if !change.HasNew && !change.HasOld {
			continue
		}
		if err := c.next(change); err != nil {
			return err
		}
	}
	clear(c.index)
	clear(c.held)
	c.held, c.first, c.last = c.held[:0], -1, -1
	return nil
}
