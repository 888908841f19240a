package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// AwaitReady waits until each broker that runs answers and knows all others that do, and topics can
// be made. Error: ctx ended first, with what was waited for and the end of that broker's log.
func (c *Cluster) AwaitReady(ctx context.Context) error {
	return c.await(ctx, c.ready)
}

// AwaitInSync waits until all replicas of all partitions are in sync, on brokers that run: then any
// one of three brokers may be taken away.
func (c *Cluster) AwaitInSync(ctx context.Context) error {
	return c.await(ctx, c.inSync)
}

// unready is a broker that is not as it should be.
type unready struct {
	broker int
	ended  bool // its process did, so that there is nothing to wait for
	error
}

func (c *Cluster) await(ctx context.Context, check func(context.Context) error) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		var u unready
		if errors.As(err, &u) && u.ended {
			return c.explain(err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return c.explain(err)
		}
	}
}

// explain adds the end of the log of the broker that it is about.
func (c *Cluster) explain(err error) error {
	var u unready
	if !errors.As(err, &u) {
		return fmt.Errorf("cluster: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	log, logErr := c.brokers[u.broker].logs(ctx, 20)
	if logErr != nil {
		log = logErr.Error()
	}
	return fmt.Errorf("cluster: broker %d at %s: %w; the end of its log:\n%s", u.broker, c.brokers[u.broker].addr, u.error, log)
}

// ready asks each broker by a client of its own. While a container's process does not listen yet,
// Docker's proxy accepts and closes, which leaves a client in a bad mood.
func (c *Cluster) ready(ctx context.Context) error {
	var up []int
	for i, b := range c.brokers {
		if b.up() {
			up = append(up, i)
		}
	}
	for _, i := range up {
		err := c.ask(ctx, i, func(ctx context.Context, admin *kadm.Client) error {
			m, err := admin.BrokerMetadata(ctx)
			if err != nil {
				return err
			}
			known := map[int32]bool{}
			for _, b := range m.Brokers {
				known[b.NodeID] = true
			}
			for _, j := range up {
				if !known[nodeID(j)] {
					return fmt.Errorf("it does not know broker %d", j)
				}
			}
			made, err := admin.ValidateCreateTopics(ctx, 1, int16(min(len(up), 3)), nil, "pitwheel-probe")
			if err != nil {
				return err
			}
			return made.Error()
		})
		if err != nil {
			return unready{broker: i, ended: c.brokers[i].ended(ctx), error: err}
		}
	}
	return nil
}

func (c *Cluster) inSync(ctx context.Context) error {
	for i, b := range c.brokers {
		if !b.up() {
			continue
		}
		return c.ask(ctx, i, func(ctx context.Context, admin *kadm.Client) error {
			topics, err := admin.ListTopicsWithInternal(ctx)
			if err != nil {
				return err
			}
			for _, t := range topics.Sorted() {
				for _, p := range t.Partitions.Sorted() {
					if len(p.ISR) < len(p.Replicas) || p.Leader < 0 {
						return fmt.Errorf("partition %d of topic %q has replicas %v, in sync %v", p.Partition, t.Topic, p.Replicas, p.ISR)
					}
				}
			}
			return nil
		})
	}
	return errors.New("no broker runs")
}

// attempt is how long one question may take.
const attempt = 5 * time.Second

// ask asks broker i alone.
func (c *Cluster) ask(ctx context.Context, i int, f func(context.Context, *kadm.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	k, err := kgo.NewClient(kgo.SeedBrokers(c.brokers[i].addr), kgo.RequestRetries(0))
	if err != nil {
		return err
	}
	defer k.Close()
	return f(ctx, kadm.NewClient(k))
}
