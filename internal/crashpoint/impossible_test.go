package crashpoint

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/internal/reactor"
)

// impossible says why a fault cannot happen; empty: it can.
func impossible(c *cell) string {
	fences := []kmsg.Key{kmsg.DescribeGroups, kmsg.ListTransactions, kmsg.InitProducerID}
	switch own := c.fault.disk == nil; {
	case c.step == reactor.StartTopics && c.key == kmsg.CreateTopics && c.scene.name != "first start":
		return "the topics are there"
	case c.step == reactor.StartScan && !own && c.scene.name == "first start":
		return "there is no state to look at"
	case c.step == reactor.RestoreFence && slices.Contains(fences, c.key) && c.scene.name != "taken over":
		return "no transaction stands open: the last life's was ended at its start, a giver ends its own"
	case c.step == reactor.RestoreOpen && !own && c.scene.takes():
		return "the copy is warm: its files are open"
	case c.step == reactor.RestoreReplay && c.key == kmsg.Fetch && c.scene.takes():
		return "the copy is warm: there is nothing to replay"
	case c.step == reactor.RestoreSettle && !own && c.scene.takes():
		return "the copy is warm: nothing was replayed that has to go to disk"
	case c.key == kmsg.OffsetCommit && c.exactly():
		return "offsets are committed by the transaction"
	case (c.key == kmsg.TxnOffsetCommit || c.key == kmsg.EndTxn) && !c.exactly():
		return "there are no transactions"
	case c.key == kmsg.FindCoordinator && c.step != reactor.StartJoin && !c.exactly():
		return "a producer without transactions has no coordinator"
	case c.step == reactor.LoseDrop && c.key == kmsg.FindCoordinator:
		return "the coordinator is known"
	case c.step == reactor.RecoverSettle && c.key != 0 && c.scene.name == "not confirmed, done":
		return "all was committed: there is nothing to go back to"
	}
	return ""
}
