package pitwheel_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/pitwheel/pitwheel"
)

// TestOldestBrokersAreEnough runs an app on brokers of the oldest version that docs/reliability.md names.
func TestOldestBrokersAreEnough(t *testing.T) {
	for _, guarantee := range []pitwheel.Guarantee{pitwheel.ExactlyOnce, pitwheel.AtLeastOnce} {
		t.Run(fmt.Sprint(guarantee), func(t *testing.T) {
			b := newBrokerWith(t, kfake.SeedTopics(2, "words", "counts"), kfake.MaxVersions(kversion.V2_5_0()))
			word := func(i int) (string, string) { return fmt.Sprint(i), fmt.Sprintf("w%d", i%7) }
			b.produce("words", 700, word)
			c := b.config(t)
			c.Guarantee = guarantee
			_, stop := start(t, wordCounts(t), c)
			b.awaitRecords("counts", 700)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			b.produce("words", 700, word)
			_, stop = start(t, wordCounts(t), c)
			want := map[string]int64{}
			for i := range 700 {
				want[fmt.Sprintf("w%d", i%7)] += 2
			}
			b.checkSequences("counts", want)
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBrokersThatAreTooOldAreRefused(t *testing.T) {
	tests := []struct {
		brokers   *kversion.Versions
		guarantee pitwheel.Guarantee
		want      []string
	}{
		{kversion.V2_4_0(), pitwheel.ExactlyOnce, []string{
			"broker 0 speaks TxnOffsetCommit up to version 2", "version 3 is needed", "KIP-447", "Kafka 2.5 or later", "AtLeastOnce",
			"broker 0 speaks OffsetFetch up to version 6",
		}},
		{kversion.V2_4_0(), pitwheel.AtLeastOnce, []string{"OffsetFetch", "Kafka 2.5 or later"}},
		{kversion.V0_10_0(), pitwheel.ExactlyOnce, []string{"broker 0 does not speak InitProducerID", "JoinGroup"}},
	}
	for _, tt := range tests {
		b := newBrokerWith(t, kfake.SeedTopics(1, "words", "counts"), kfake.MaxVersions(tt.brokers))
		c := b.config(t)
		c.Guarantee = tt.guarantee
		app, err := pitwheel.New(wordCounts(t), c)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		err = app.Run(ctx)
		cancel()
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want an error with %q", err, want)
			}
		}
		if tt.guarantee == pitwheel.AtLeastOnce && strings.Contains(fmt.Sprint(err), "Txn") {
			t.Errorf("at-least-once asks for transactions: %v", err)
		}
	}
}

// TestTransactionVersionIsWarnedAbout sees that below transaction.version 2 the log says once what is missing
// and which command mends it, and that results are right all the same.
func TestTransactionVersionIsWarnedAbout(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	run := func() string {
		var log logged
		c := b.config(t)
		c.Logger = log.logger()
		before := b.records("counts")
		b.produce("words", 10, func(i int) (string, string) { return "k", fmt.Sprint("w", i) })
		_, stop := start(t, wordCounts(t), c)
		b.awaitRecords("counts", before+10)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		return log.text()
	}
	const says = "not quite exactly-once"
	if log := run(); strings.Contains(log, says) {
		t.Errorf("warned at version 2:\n%s", log)
	}
	update := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
	update.Feature, update.MaxVersionLevel, update.UpgradeType = "transaction.version", 0, 2 // a safe downgrade
	req := kmsg.NewPtrUpdateFeaturesRequest()
	req.FeatureUpdates = append(req.FeatureUpdates, update)
	if resp, err := req.RequestWith(context.Background(), b.client); err != nil || resp.ErrorCode != 0 {
		t.Fatalf("%+v, %v", resp, err)
	}
	log := run()
	if strings.Count(log, says) != 1 {
		t.Errorf("not warned once:\n%s", log)
	}
	if want := "kafka-features.sh --bootstrap-server " + b.ListenAddrs()[0] + " upgrade --feature transaction.version=2"; !strings.Contains(log, want) {
		t.Errorf("the log does not say %q:\n%s", want, log)
	}
}
