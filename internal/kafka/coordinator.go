package kafka

import "context"

// Coordinator is this instance's membership in its application's group: what the engine needs of a
// group protocol, whichever it is. What the group decides comes in through ConsumerConfig's
// callbacks. Consumer is the classic protocol with a Balancer of ours (docs/adr/0012-coordinator.md).
type Coordinator interface {
	// Member is who a commit is of, as of now. Without a membership it is not Joined, and nothing may
	// be committed.
	Member() Member
	// Rejoin has the group assign anew, because what this instance holds has changed.
	Rejoin()
	// Close ends the membership.
	Close(ctx context.Context)
}

var _ Coordinator = (*Consumer)(nil)
