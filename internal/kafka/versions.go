package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// OldBrokerError is a broker that does not speak what this app needs.
type OldBrokerError struct {
	Broker      int32
	API         string // as Kafka names it
	Speaks      int16  // the highest version of the API; -1: none
	Needs       int16
	For         string // what it is needed for
	ExactlyOnce bool   // it is needed for that alone
}

// Error names the broker, the API and the version that is needed, and the fix.
func (e *OldBrokerError) Error() string {
	speaks := fmt.Sprintf("speaks %s up to version %d", e.API, e.Speaks)
	if e.Speaks < 0 {
		speaks = "does not speak " + e.API
	}
	fix := "upgrade the brokers to Kafka " + oldestKafka + " or later"
	if e.ExactlyOnce {
		fix += ", or give up exactly-once by Config.Guarantee: AtLeastOnce"
	}
	return fmt.Sprintf("broker %d %s, and version %d is needed for %s: %s", e.Broker, speaks, e.Needs, e.For, fix)
}

const oldestKafka = "2.5"

// needs are what brokers must speak, as those of the oldest Kafka do.
var needs = []struct {
	api         kmsg.Key
	version     int16
	what        string
	exactlyOnce bool
}{
	{kmsg.JoinGroup, 5, "static membership (KIP-345)", false},
	{kmsg.CreateTopics, 4, "topics with the broker's replication factor (KIP-464)", false},
	{kmsg.OffsetFetch, 7, "stable offsets (KIP-447)", false},
	{kmsg.InitProducerID, 3, "transactions that outlive an error (KIP-360)", true},
	{kmsg.TxnOffsetCommit, 3, "offsets in transactions that only a member may write (KIP-447)", true},
}

// Versions is what brokers can do, of those that answered.
type Versions struct {
	TransactionVersion int16 // of the cluster: the finalized feature transaction.version; 0: none
	Supported          int16 // the highest that every broker could have
}

// versionsTimeout is for brokers that are away: those that answer are enough.
const versionsTimeout = 2 * time.Second

// Versions asks every broker what it speaks, until one answers. Error: an *OldBrokerError for each that does
// not speak what is needed.
func (a *Admin) Versions(ctx context.Context, exactlyOnce bool) (v Versions, err error) {
	var brokers []kadm.BrokerApiVersions
	err = retry(ctx, a.access, "ask brokers for their versions", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, versionsTimeout)
		defer cancel()
		answers, err := a.admin.ApiVersions(ctx)
		brokers = brokers[:0]
		for _, b := range answers.Sorted() {
			err = firstError(err, b.Err)
			if b.Err == nil {
				brokers = append(brokers, b)
			}
		}
		if len(brokers) > 0 {
			return nil
		}
		return firstError(err, errNotYet)
	})
	if err != nil {
		return v, err
	}
	var old error
	for i := range brokers {
		b := &brokers[i]
		old = errors.Join(old, tooOld(b, exactlyOnce))
		supported := int16(0)
		for _, f := range b.Raw().SupportedFeatures {
			if f.Name == transactionFeature {
				supported = f.MaxVersion
			}
		}
		for _, f := range b.Raw().FinalizedFeatures {
			if f.Name == transactionFeature {
				v.TransactionVersion = max(v.TransactionVersion, f.MaxVersionLevel)
			}
		}
		if i == 0 || supported < v.Supported {
			v.Supported = supported
		}
	}
	return v, old
}

const transactionFeature = "transaction.version"

func tooOld(b *kadm.BrokerApiVersions, exactlyOnce bool) (old error) {
	for _, n := range needs {
		speaks, ok := b.KeyMaxVersion(n.api.Int16())
		if !ok {
			speaks = -1
		}
		if speaks < n.version && (exactlyOnce || !n.exactlyOnce) {
			old = errors.Join(old, &OldBrokerError{
				Broker: b.NodeID, API: n.api.Name(), Speaks: speaks, Needs: n.version, For: n.what, ExactlyOnce: n.exactlyOnce,
			})
		}
	}
	return old
}
