package reactor

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Somebody's transaction stands open in an input, so nothing behind it is read: the log says whose, and again
// when it is still so; and no more once it has ended.
func TestWhoHoldsAnInputUpIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, countKeys, "in", "out")
		log := &lines{}
		b.config.Logger = slog.New(slog.NewTextHandler(log, nil))
		_, stop := b.start()
		b.write("in", repeated(70, 7)...)
		b.counted("out", 70)
		client, err := kgo.NewClient(kgo.SeedBrokers(b.config.Kafka.Brokers...), kgo.Dialer(b.dial), kgo.TransactionalID("import-7"), kgo.TransactionTimeout(15*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Key: []byte("v0"), Value: []byte("v0")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		b.write("in", repeated(69, 7)...)
		log.taken()
		time.Sleep(time.Minute) // of the bubble
		text := log.taken()
		for _, want := range []string{"a transaction stands open in it", "topic=in partition=0 from_offset=70 transactional_id=import-7", "state=Ongoing", "times_out_after=15m0s"} {
			if !strings.Contains(text, want) {
				t.Errorf("the log does not say %q:\n%s", want, text)
			}
		}
		if strings.Contains(text, "hangs") {
			t.Errorf("what its coordinator has open does not hang:\n%s", text)
		}
		if err := client.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		b.counted("out", 140)
		time.Sleep(time.Minute)
		log.taken()
		time.Sleep(time.Minute)
		if text := log.taken(); strings.Contains(text, "stands open") {
			t.Errorf("it is said still:\n%s", text)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
