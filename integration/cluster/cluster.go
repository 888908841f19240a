package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
)

// Config is a cluster's. The zero value is one broker.
type Config struct {
	// Brokers is how many there are, each a controller too. With three or more every topic has three
	// replicas and needs two of them in sync by default, internal ones as well. Zero: one.
	Brokers int
	// Image is the brokers'. Empty: the environment's PITWHEEL_KAFKA_IMAGE, else DefaultImage.
	Image string
	// Properties are the brokers', by the names of Kafka's documentation. They go before those that
	// the cluster sets itself, which are: one to three replicas as said above, four partitions of
	// internal topics, no waiting for a group's first members, a group.min.session.timeout.ms of
	// 1000, and no topics made by asking for them.
	Properties map[string]string
	// JVM is given to the brokers' java (KAFKA_OPTS). Empty: "-XX:TieredStopAtLevel=1", with which
	// brokers start faster and take more CPU under load. A blank leaves java as it is.
	JVM string
}

// Cluster is a running Kafka.
type Cluster struct {
	docker  *docker
	guard   *guard
	network *testcontainers.DockerNetwork
	brokers []*broker

	closing  sync.Once
	closeErr error
}

// startTimeout is how long a cluster may take to be ready where the caller sets no deadline.
const startTimeout = 5 * time.Minute

// Start runs a cluster and returns once it is ready. Error: Docker does not answer, the image is
// neither here nor can be pulled, or a broker did not come up, with the end of its log.
func Start(ctx context.Context, c Config) (*Cluster, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, startTimeout)
		defer cancel()
	}
	if c.Brokers < 0 {
		return nil, fmt.Errorf("cluster: Config.Brokers is %d: give one or more, or zero for one", c.Brokers)
	}
	cluster := &Cluster{}
	if err := cluster.start(ctx, c.withDefaults()); err != nil {
		return nil, errors.Join(fmt.Errorf("cluster: %w", err), cluster.Close())
	}
	return cluster, nil
}

func (c *Cluster) start(ctx context.Context, config Config) (err error) {
	if c.docker, err = openDocker(ctx); err != nil {
		return err
	}
	if c.guard, err = startGuard(c.docker.reaped); err != nil {
		return err
	}
	if err := c.docker.ensureImage(ctx, config.Image); err != nil {
		return err
	}
	if c.network, err = network.New(ctx, network.WithLabels(c.guard.labels())); err != nil {
		return fmt.Errorf("make a Docker network: %w", err)
	}
	for i := range config.Brokers {
		b, err := c.create(ctx, config, i)
		if err != nil {
			return fmt.Errorf("create broker %d: %w", i, err)
		}
		c.brokers = append(c.brokers, b)
	}
	for i, b := range c.brokers {
		if err := b.start(ctx); err != nil {
			return fmt.Errorf("start broker %d: %w", i, err)
		}
	}
	return c.AwaitReady(ctx)
}

// Addrs are the brokers' addresses, "host:port" in the brokers' order, those that are down too.
func (c *Cluster) Addrs() []string {
	addrs := make([]string, len(c.brokers))
	for i, b := range c.brokers {
		addrs[i] = b.addr
	}
	return addrs
}

// closeTimeout is how long Docker may take to remove what there is.
const closeTimeout = time.Minute

// Close ends the brokers and removes them, with all their data. It may be called again.
func (c *Cluster) Close() error {
	c.closing.Do(func() { c.closeErr = c.close() })
	return c.closeErr
}

// close does not take a caller's context: it is what runs when that has ended.
func (c *Cluster) close() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, len(c.brokers))
	for i, b := range c.brokers {
		wg.Go(func() { errs[i] = b.remove(ctx) })
	}
	wg.Wait()
	err = errors.Join(errs...)
	if c.network != nil {
		err = errors.Join(err, c.network.Remove(ctx))
	}
	if c.guard != nil {
		err = errors.Join(err, c.guard.end())
	}
	if c.docker != nil {
		err = errors.Join(err, c.docker.close())
	}
	return err
}
