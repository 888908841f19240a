package kafka

import (
	"cmp"
	"slices"

	"github.com/pitwheel/pitwheel/record"
)

// maxMoves bounds the tasks that one member is preparing to take over, so that their replay leaves
// room for the work. Kafka: max.warmup.replicas, for the whole group.
const maxMoves = 4

// placement gives each task a member. It knows nothing of groups: the same candidates and tasks, in
// the same order, always give the same.
type placement struct {
	candidates []*candidate // in the group's fixed order
	tasks      []*task      // by subtopology, then partition
	copies     int          // of the state of each task, on members other than the active one
}

// candidate is a member while tasks are dealt out.
type candidate struct {
	id       string
	rack     string          // empty: unknown
	reads    map[string]bool // topics
	holdings Holdings

	dealt    int // tasks that it is to have in the end
	actives  int // tasks with state that it has until then
	standbys int
	moves    int // tasks that it is preparing to take over
	order    int // in the group
}

// task is a subtopology's partition to be dealt out.
type task struct {
	id       record.TaskID
	topics   []string
	stateful bool

	had      *candidate   // who has it now; nil: nobody
	dealt    *candidate   // who is to have it in the end
	active   *candidate   // who is to have it now
	next     *candidate   // who prepares to take it over; nil: nobody
	standbys []*candidate // who keeps a copy, next among them
}

// level is how much a member lacks of the task. Without state nobody lacks anything.
func (t *task) level(c *candidate) Level {
	if !t.stateful {
		return 0
	}
	return c.holdings.Of(t.id).Level
}

func (t *task) caughtUp(c *candidate) bool { return t.level(c).CaughtUp() }

// place deals the tasks out evenly: those with state first, then the others, so that both the state
// and the work are spread. Then, where whom a task was dealt to is not caught up and somebody else
// is, it works there until the new place is: the standby there becomes the next active.
func (p *placement) place() {
	for i, c := range p.candidates {
		c.order = i
	}
	var stateful, others []*task
	for _, t := range p.tasks {
		if t.stateful {
			stateful = append(stateful, t)
		} else {
			others = append(others, t)
		}
	}
	p.deal(stateful, len(stateful))
	p.deal(others, len(p.tasks))
	for _, t := range others {
		t.active = t.dealt
	}
	p.activate(stateful)
	p.copy(stateful)
}

// share is how many tasks each member may have: count, and for some of them one more.
type share struct{ count, extra int }

func (s *share) room(c *candidate) bool {
	return c.dealt < s.count || c.dealt == s.count && s.extra > 0
}

func (s *share) give(t *task, to *candidate) {
	if to.dealt == s.count {
		s.extra--
	}
	to.dealt++
	t.dealt = to
}

// deal gives each of the tasks a member, so that all members together have so many. In this order: the
// tasks stay where they work; they go where their state is; they stay where their state is being
// restored; they go to whoever lacks least and has least.
func (p *placement) deal(tasks []*task, total int) {
	s := share{total / len(p.candidates), total % len(p.candidates)}
	for _, c := range p.candidates {
		if c.dealt > s.count {
			s.extra--
		}
	}
	p.keep(tasks, &s)
	p.follow(tasks, &s)
	for _, t := range tasks {
		if t.dealt == nil && t.had != nil && s.room(t.had) {
			s.give(t, t.had)
		}
	}
	for _, t := range tasks {
		if t.dealt == nil {
			s.give(t, p.best(&s, func(a, b *candidate) int {
				return cmp.Or(cmp.Compare(t.level(a), t.level(b)), cmp.Compare(a.dealt, b.dealt))
			}))
		}
	}
}

// keep leaves tasks with the members that work on them. A member that has too many gives up those
// of which others, who have too few, lack least: what they once had, or are restoring.
func (p *placement) keep(tasks []*task, s *share) {
	had := map[*candidate][]*task{}
	for _, t := range tasks {
		if t.had != nil && t.caughtUp(t.had) {
			had[t.had] = append(had[t.had], t)
		}
	}
	for _, c := range p.candidates {
		lack := map[*task]Level{}
		for _, t := range had[c] {
			lack[t] = unknownLevel
			for _, other := range p.candidates {
				if will := other.dealt + len(had[other]); other != c && (will < s.count || will == s.count && s.extra > 0) {
					lack[t] = min(lack[t], t.level(other))
				}
			}
		}
		slices.SortStableFunc(had[c], func(a, b *task) int { return cmp.Compare(lack[b], lack[a]) })
	}
	for _, c := range p.candidates {
		for _, t := range had[c] {
			if s.room(c) {
				s.give(t, c)
			}
		}
	}
}

// follow gives tasks to members that are caught up with them, first those with the least choice.
func (p *placement) follow(tasks []*task, s *share) {
	choice := map[*task]int{}
	var rest []*task
	for _, t := range tasks {
		if t.dealt != nil || !t.stateful {
			continue
		}
		for _, c := range p.candidates {
			if t.caughtUp(c) {
				choice[t]++
			}
		}
		rest = append(rest, t)
	}
	slices.SortStableFunc(rest, func(a, b *task) int { return cmp.Compare(choice[a], choice[b]) })
	for _, t := range rest {
		to := p.best(s, func(a, b *candidate) int {
			return cmp.Or(cmp.Compare(t.level(a), t.level(b)), cmp.Compare(a.dealt, b.dealt))
		})
		if t.caughtUp(to) {
			s.give(t, to)
		}
	}
}

// best is the first of the members with room by that order. There always is one: the shares add up to
// all tasks.
func (p *placement) best(s *share, compare func(a, b *candidate) int) *candidate {
	var best *candidate
	for _, c := range p.candidates {
		if s.room(c) && (best == nil || compare(c, best) < 0) {
			best = c
		}
	}
	return best
}

// activate says where each task works for now. Moves that are under way come first.
func (p *placement) activate(tasks []*task) {
	byProgress := slices.Clone(tasks)
	slices.SortStableFunc(byProgress, func(a, b *task) int { return cmp.Compare(a.level(a.dealt), b.level(b.dealt)) })
	for _, t := range byProgress {
		t.active = t.dealt
		if !t.caughtUp(t.dealt) {
			if c := p.caughtUp(t); c != nil {
				t.active = c
				if t.dealt.moves < maxMoves {
					t.dealt.moves++
					t.next = t.dealt
				}
			}
		}
		t.active.actives++
	}
}

// caughtUp is the member that should work on the task until another has restored its state; nil: there
// is none, so it may as well be restored where it is to be.
func (p *placement) caughtUp(t *task) *candidate {
	var best *candidate
	for _, c := range p.candidates {
		if !t.caughtUp(c) {
			continue
		}
		if c == t.had {
			return c
		}
		if best == nil || cmp.Or(cmp.Compare(c.actives, best.actives), cmp.Compare(t.level(c), t.level(best))) < 0 {
			best = c
		}
	}
	return best
}

// copy places the standbys: on members other than the active one, on other racks if there are any,
// where they are, evenly.
func (p *placement) copy(tasks []*task) {
	full := (len(tasks)*p.copies + len(p.candidates) - 1) / len(p.candidates)
	if p.copies > 0 {
		for _, t := range tasks {
			for _, c := range p.candidates {
				if t.wants(p.copies) && c != t.active && t.holding(c).Warm && c.standbys < full && !p.clash(t, c) {
					t.addStandby(c)
				}
			}
		}
		for _, t := range tasks {
			for t.wants(p.copies) {
				c := p.roomiest(t, full)
				if c == nil {
					break
				}
				t.addStandby(c)
			}
		}
	}
	for _, t := range tasks {
		if t.next != nil && !slices.Contains(t.standbys, t.next) {
			t.standbys = append(t.standbys, t.next)
		}
	}
}

func (t *task) holding(c *candidate) Holding { return c.holdings.Of(t.id) }

func (t *task) wants(copies int) bool { return len(t.standbys) < copies }

func (t *task) addStandby(c *candidate) {
	c.standbys++
	t.standbys = append(t.standbys, c)
}

// roomiest is the best member for another standby of the task; nil: all have it.
func (p *placement) roomiest(t *task, full int) *candidate {
	var best *candidate
	for _, c := range p.candidates {
		if c == t.active || slices.Contains(t.standbys, c) {
			continue
		}
		if best == nil || cmp.Or(
			compareBool(p.clash(t, c), p.clash(t, best)),
			compareBool(c.standbys >= full, best.standbys >= full),
			compareBool(!t.holding(c).Warm, !t.holding(best).Warm),
			cmp.Compare(t.level(c), t.level(best)),
			cmp.Compare(c.standbys, best.standbys),
		) < 0 {
			best = c
		}
	}
	return best
}

// clash says that the member is on a rack where the task is already, though others are not.
func (p *placement) clash(t *task, c *candidate) bool {
	if c.rack == "" || !t.on(c.rack) {
		return false
	}
	return slices.ContainsFunc(p.candidates, func(other *candidate) bool { return other.rack != "" && !t.on(other.rack) })
}

// on says whether the task, or a standby of it, is on that rack.
func (t *task) on(rack string) bool {
	return t.active.rack == rack || slices.ContainsFunc(t.standbys, func(c *candidate) bool { return c.rack == rack })
}

// compareBool puts false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}
