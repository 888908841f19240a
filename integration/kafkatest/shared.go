package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/pitwheel/pitwheel/integration/cluster"
)

// shared are the Kafkas of this process, by kind and settings.
var shared = struct {
	sync.Mutex
	started map[string]*started
}{started: map[string]*started{}}

// started is a Kafka, or why there is none: what failed once is not tried again by each test.
type started struct {
	once    sync.Once
	brokers []string
	cluster *cluster.Cluster
	fake    *kfake.Cluster
	err     error
}

// running is the Kafka for those settings, started if it is the first time.
func running(ctx context.Context, kind Kind, s settings) (*started, error) {
	shared.Lock()
	key := string(kind) + s.key()
	r := shared.started[key]
	if r == nil {
		r = &started{}
		shared.started[key] = r
	}
	shared.Unlock()
	r.once.Do(func() { r.err = r.start(ctx, kind, s) })
	return r, r.err
}

func (r *started) start(ctx context.Context, kind Kind, s settings) (err error) {
	switch kind {
	case Given:
		r.brokers = given()
	case Embedded:
		if r.fake, err = kfake.NewCluster(kfake.NumBrokers(1)); err != nil {
			return fmt.Errorf("start the embedded Kafka: %w", err)
		}
		r.brokers = r.fake.ListenAddrs()
	default:
		if r.cluster, err = cluster.Start(ctx, cluster.Config{Brokers: s.brokers, Properties: s.properties, JVM: s.jvm}); err != nil {
			return err
		}
		r.brokers = r.cluster.Addrs()
	}
	return nil
}

// Main runs a package's tests and ends what they started. Call it from TestMain.
func Main(m *testing.M) {
	m.Run() // whose result TestMain's caller exits with
	if err := Close(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "kafkatest:", err)
	}
}

// Close ends every Kafka that this process has started. Main does it; it is for a TestMain of one's
// own. The next Run starts anew.
func Close() (err error) {
	shared.Lock()
	defer shared.Unlock()
	for key, r := range shared.started {
		delete(shared.started, key)
		if r.cluster != nil {
			err = errors.Join(err, r.cluster.Close())
		}
		if r.fake != nil {
			r.fake.Close()
		}
	}
	return err
}
