//go:build !planted

package planted

// The bugs, all absent.
const (
	ApplyBeforeEnd      = false // local state takes a commit in before its transaction has ended
	CommitPolled        = false // the offsets of what was fetched are committed, not of what was processed
	CommitUnjoined      = false // a commit is made without a membership, which no coordinator fences
	SkipMember          = false // a commit is made under another membership than the tasks were given to
	SkipFlush           = false // the end of the transaction does not wait for the records' acknowledgements
	IgnoreProduceError  = false // a record that was not taken is committed around
	TrustEndDone        = false // a commit whose end was not confirmed is taken for done
	TrustEndUndone      = false // a commit whose end was not confirmed is taken for not done, without asking
	IgnoreOwner         = false // a commit's number alone says that it is ours
	LazyProducerID      = false // a transactional id is taken with its first record, so who had it is not fenced at start
	KeepCache           = false // an abort keeps what was written to the stores
	NoRewind            = false // after an abort fetching goes on where it was
	DropIdleOffsets     = false // what a timer did is committed without an offset, so it is not fenced
	PositionsStandStill = false // the proof of a commit has the changelog positions of the one before
	CheckpointFirst     = false // the position reached goes to local state in a batch of its own, before the rows
	PurgeEarly          = false // records of repartition topics are deleted before their commit is known
	RestoreToStable     = false // a restore ends at the last stable offset, and does not wait for open transactions
	RestoreUncommitted  = false // restores and standbys apply records of transactions that are not decided, or were aborted
	ConsumeUncommitted  = false // inputs are read with records of transactions that are not decided, or were aborted
	OverlookPending     = false // a first offset that is pending is taken for none
	SkipCheck           = false // state, changelogs and offsets are not compared at start
	FenceAlive          = false // transactions of instances that are alive are aborted too
)
