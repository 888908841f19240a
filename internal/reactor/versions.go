package reactor

import (
	"context"
	"fmt"
)

// transactionVersion is what exactly-once takes in full: from there on each transaction has an epoch of its
// own (KIP-890), so that what comes late of one cannot become part of the next.
const transactionVersion = 2

// checkBrokers refuses brokers that do not speak what is needed, and says what they could do better.
func (e *Engine) checkBrokers(ctx context.Context) error {
	v, err := e.admin.Versions(ctx, e.config.ExactlyOnce)
	if err != nil {
		return err
	}
	e.transactionVersion = v.TransactionVersion
	if !e.config.ExactlyOnce || v.TransactionVersion >= transactionVersion {
		return nil
	}
	fix := fmt.Sprintf("kafka-features.sh --bootstrap-server %s upgrade --feature transaction.version=%d", e.config.Kafka.Brokers[0], transactionVersion)
	if v.Supported < transactionVersion {
		fix = "upgrade all brokers to Kafka 4.0 or later, then " + fix
	}
	e.log.Warn("not quite exactly-once: the brokers' transactions have no epochs of their own (KIP-890), so a request that comes late may become part of the next transaction",
		"transaction_version", v.TransactionVersion, "needed", transactionVersion, "fix", fix)
	return nil
}
