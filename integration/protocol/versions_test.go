package protocol

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Below transaction.version 2 the log says once what is missing, with the command that mends it; results are
// right all the same.
func TestTransactionVersionIsWarnedAbout(t *testing.T) {
	b := newBench(t)
	set := func(level int16, how int8) {
		t.Helper()
		done, err := b.admin.UpdateFeatures(b.minute(), false, kadm.FeatureUpdate{Feature: "transaction.version", MaxVersionLevel: level, UpgradeType: how})
		if err != nil || done["transaction.version"].Err != nil {
			t.Fatal(done, err)
		}
	}
	const says = "not quite exactly-once"
	b.write(70)
	stop := b.start("one", nil)
	b.counted(70)
	stop()
	if log := b.log.text(); strings.Contains(log, says) {
		t.Errorf("at version 2 the log says:\n%s", log)
	}
	set(1, 2)
	defer set(2, 1)
	stop = b.start("one", nil)
	b.write(70)
	b.counted(140)
	stop()
	log := b.log.text()
	if strings.Count(log, says) != 1 || !strings.Contains(log, "transaction_version=1") ||
		!strings.Contains(log, "kafka-features.sh --bootstrap-server "+brokers[0]+" upgrade --feature transaction.version=2") {
		t.Errorf("the log says:\n%s", log)
	}
}
