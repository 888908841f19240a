//go:build planted

package planted

import (
	"os"
	"slices"
)

// Environment names the bug that is present; empty: none.
const Environment = "PITWHEEL_PLANTED"

// The bugs, of which the environment chooses one.
var (
	ApplyBeforeEnd      = present("apply-before-end")
	CommitPolled        = present("commit-polled")
	CommitUnjoined      = present("commit-unjoined")
	SkipMember          = present("skip-member")
	SkipFlush           = present("skip-flush")
	IgnoreProduceError  = present("ignore-produce-error")
	TrustEndDone        = present("trust-end-done")
	TrustEndUndone      = present("trust-end-undone")
	IgnoreOwner         = present("ignore-owner")
	LazyProducerID      = present("lazy-producer-id")
	KeepCache           = present("keep-cache")
	NoRewind            = present("no-rewind")
	DropIdleOffsets     = present("drop-idle-offsets")
	PositionsStandStill = present("positions-stand-still")
	CheckpointFirst     = present("checkpoint-first")
	PurgeEarly          = present("purge-early")
	RestoreToStable     = present("restore-to-stable")
	RestoreUncommitted  = present("restore-uncommitted")
	ConsumeUncommitted  = present("consume-uncommitted")
	OverlookPending     = present("overlook-pending")
	SkipCheck           = present("skip-check")
	FenceAlive          = present("fence-alive")
)

var known []string

func present(bug string) bool {
	known = append(known, bug)
	return os.Getenv(Environment) == bug
}

func init() {
	if bug := os.Getenv(Environment); bug != "" && !slices.Contains(known, bug) {
		panic("there is no planted bug " + bug)
	}
}
