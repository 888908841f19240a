package reactor

// Step is a step of the protocol on which exactness rests, by its number: "commit.4" is the fourth of a
// commit. docs/reliability.md has them as a table.
type Step string

// The steps of a start, of one task's restore, of one loop's commit, of what follows a commit that was
// not confirmed, and of the hand-over of tasks.
const (
	StartDirectory Step = "start.1"
	StartLoops     Step = "start.2"
	StartTopics    Step = "start.3"
	StartFence     Step = "start.4"
	StartScan      Step = "start.5"
	StartJoin      Step = "start.6"

	RestoreOpen     Step = "restore.1"
	RestoreFence    Step = "restore.2"
	RestoreOffsets  Step = "restore.3"
	RestoreIdentify Step = "restore.4"
	RestoreEnds     Step = "restore.5"
	RestoreCheck    Step = "restore.6"
	RestoreReplay   Step = "restore.7"
	RestoreSettle   Step = "restore.8"
	RestoreStart    Step = "restore.9"

	CommitMember  Step = "commit.1"
	CommitFreeze  Step = "commit.2"
	CommitProduce Step = "commit.3"
	CommitFlush   Step = "commit.4"
	CommitEnd     Step = "commit.5"
	CommitApply   Step = "commit.6"
	CommitDisk    Step = "commit.7"

	RecoverRenew  Step = "recover.1"
	RecoverAsk    Step = "recover.2"
	RecoverSettle Step = "recover.3"

	GiveStop   Step = "handover.1"
	GiveCommit Step = "handover.2"
	GiveClose  Step = "handover.3"
	GiveJoin   Step = "handover.4"
	TakeGiven  Step = "handover.5"
	TakeRun    Step = "handover.6"
	LoseDrop   Step = "handover.7"
)

// StepInfo is what a step does.
type StepInfo struct {
	Step     Step
	Does     string
	Requests []string // to brokers, by Kafka's names; none: it is local
	Only     string   // under which guarantee there is such a step; empty: both
}

const onlyExactly = "exactly-once"

// Steps are all steps, in their order.
var Steps = []StepInfo{
	{StartDirectory, "lock the state directory, read whose it is", nil, ""},
	{StartLoops, "keep the most loops that there ever were", nil, onlyExactly},
	{StartTopics, "describe topics, make internal ones and check them", []string{"Metadata", "CreateTopics", "DescribeConfigs"}, ""},
	{StartFence, "take producer ids, and so each transactional id that may be ours", []string{"FindCoordinator", "InitProducerID"}, ""},
	{StartScan, "look at the state that is here", nil, ""},
	{StartJoin, "join the group", []string{"FindCoordinator", "JoinGroup", "SyncGroup"}, ""},

	{RestoreOpen, "open local state", nil, ""},
	{RestoreFence, "end what the last owner left open", []string{"ListOffsets", "OffsetFetch", "DescribeGroups", "ListTransactions", "InitProducerID"}, onlyExactly},
	{RestoreOffsets, "read the committed offsets and the proof beside them", []string{"OffsetFetch"}, ""},
	{RestoreIdentify, "compare what the state belongs to, keep it beside the state", nil, ""},
	{RestoreEnds, "list where the changelogs begin and end", []string{"ListOffsets"}, ""},
	{RestoreCheck, "compare state, changelogs and proof; drop what is too old", nil, ""},
	{RestoreReplay, "replay the changelogs' committed records", []string{"Fetch"}, ""},
	{RestoreSettle, "note what state stands for, put it on disk", nil, ""},
	{RestoreStart, "start behind the committed offsets", []string{"ListOffsets"}, ""},

	{CommitMember, "look whether the group's member is still the tasks' owner", nil, ""},
	{CommitFreeze, "freeze and encode what is dirty", nil, ""},
	{CommitProduce, "send outputs and changelog records on their way", nil, ""},
	{CommitFlush, "wait until all are acknowledged", []string{"Produce"}, ""},
	{CommitEnd, "send the offsets with the proof, end the transaction", []string{"TxnOffsetCommit", "EndTxn", "OffsetCommit"}, ""},
	{CommitApply, "apply to local state", nil, ""},
	{CommitDisk, "now and then put local state on disk", nil, ""},

	{RecoverRenew, "a new producer of the same id, which fences the old one", []string{"FindCoordinator", "InitProducerID"}, ""},
	{RecoverAsk, "read the committed proof, apply what was committed", []string{"OffsetFetch"}, ""},
	{RecoverSettle, "drop what was not committed, and go back", []string{"OffsetFetch", "ListOffsets"}, ""},

	{GiveStop, "giver: stop fetching and restoring what is to be given up", nil, ""},
	{GiveCommit, "giver: commit once more", nil, ""},
	{GiveClose, "giver: put local state on disk and close it", nil, ""},
	{GiveJoin, "giver: join again without it", []string{"JoinGroup", "SyncGroup"}, ""},
	{TakeGiven, "taker: is given the tasks", nil, ""},
	{TakeRun, "taker: its loop takes the restored task", nil, ""},
	{LoseDrop, "loser: drop what cannot be committed any more, fence what is on its way", []string{"FindCoordinator", "InitProducerID"}, ""},
}
