package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	mobynetwork "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/exec"
)

// broker is one of a cluster's. Its mutex is held while Docker changes what it does.
type broker struct {
	addr      string
	port      *flock.Flock
	container testcontainers.Container
	client    client.APIClient

	mu      sync.Mutex
	running bool // the container is, though it may be paused
	paused  bool
}

// create makes a broker's container, at a port of its own.
func (c *Cluster) create(ctx context.Context, config Config, i int) (*broker, error) {
	port, lock, err := takePort(ctx, c.docker.host)
	if err != nil {
		return nil, err
	}
	inside := mobynetwork.MustParsePort(fmt.Sprintf("%d/tcp", port))
	binding := mobynetwork.PortBinding{HostPort: strconv.Itoa(port)}
	if c.docker.host == loopback {
		binding.HostIP = netip.MustParseAddr(loopback)
	}
	made, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		Logger: quiet{},
		ContainerRequest: testcontainers.ContainerRequest{
			Image:          config.Image,
			Env:            config.environment(i, c.docker.host, port),
			Labels:         c.guard.labels(),
			ExposedPorts:   []string{inside.String()},
			Networks:       []string{c.network.Name},
			NetworkAliases: map[string][]string{c.network.Name: {alias(i)}},
			HostConfigModifier: func(h *container.HostConfig) {
				h.PortBindings = mobynetwork.PortMap{inside: {binding}}
			},
		},
	})
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	addr := net.JoinHostPort(c.docker.host, strconv.Itoa(port))
	return &broker{addr: addr, port: lock, container: made, client: c.docker.client}, nil
}

// Kill ends broker i as a crash does (SIGKILL). It returns once it is down.
func (c *Cluster) Kill(ctx context.Context, i int) error {
	return c.change(i, "kill", func(b *broker) error {
		if !b.running {
			return nil
		}
		if err := b.resume(ctx); err != nil { // a paused container takes no signal
			return err
		}
		b.running = false
		gone := b.client.ContainerWait(ctx, b.id(), client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
		if _, err := b.client.ContainerKill(ctx, b.id(), client.ContainerKillOptions{Signal: "SIGKILL"}); err != nil {
			return err
		}
		select {
		case err := <-gone.Error:
			return err
		case <-gone.Result:
			return nil
		}
	})
}

// stopTimeout is how long a broker may take to hand its partitions over and stop, in seconds.
const stopTimeout = 60

// Stop ends broker i cleanly (SIGTERM): it hands over what it leads first. It returns once it is down.
func (c *Cluster) Stop(ctx context.Context, i int) error {
	return c.change(i, "stop", func(b *broker) error { return b.stop(ctx) })
}

// Restart starts broker i, after a Kill or Stop; one that runs is stopped cleanly first. It returns
// once all running brokers know it again. Its replicas may still be behind: see AwaitInSync.
func (c *Cluster) Restart(ctx context.Context, i int) error {
	err := c.change(i, "restart", func(b *broker) error {
		if err := b.stop(ctx); err != nil {
			return err
		}
		_, err := b.client.ContainerStart(ctx, b.id(), client.ContainerStartOptions{})
		b.running = err == nil
		return err
	})
	if err != nil {
		return err
	}
	return c.AwaitReady(ctx)
}

// Pause freezes broker i: it keeps its connections and answers nothing.
func (c *Cluster) Pause(ctx context.Context, i int) error {
	return c.change(i, "pause", func(b *broker) error {
		if !b.running || b.paused {
			return nil
		}
		_, err := b.client.ContainerPause(ctx, b.id(), client.ContainerPauseOptions{})
		b.paused = err == nil
		return err
	})
}

// Unpause lets broker i go on where it was.
func (c *Cluster) Unpause(ctx context.Context, i int) error {
	return c.change(i, "unpause", func(b *broker) error { return b.resume(ctx) })
}

// Exec runs a command in broker i's container, such as "/opt/kafka/bin/kafka-transactions.sh", and
// returns what it wrote. Inside, the broker is at localhost:19092. Error: it did not end with 0.
func (c *Cluster) Exec(ctx context.Context, i int, command ...string) (string, error) {
	code, out, err := c.brokers[i].container.Exec(ctx, command, exec.Multiplexed())
	if err != nil {
		return "", fmt.Errorf("cluster: run %q in broker %d: %w", command, i, err)
	}
	text, err := io.ReadAll(out)
	if err == nil && code != 0 {
		err = fmt.Errorf("it ended with %d and said: %s", code, bytes.TrimSpace(text))
	}
	if err != nil {
		return string(text), fmt.Errorf("cluster: run %q in broker %d: %w", command, i, err)
	}
	return string(text), nil
}

// Logs are the last lines that broker i has written.
func (c *Cluster) Logs(ctx context.Context, i, lines int) (string, error) {
	text, err := c.brokers[i].logs(ctx, lines)
	if err != nil {
		return "", fmt.Errorf("cluster: read the log of broker %d: %w", i, err)
	}
	return text, nil
}

// change does something to a broker while nobody else does.
func (c *Cluster) change(i int, what string, f func(*broker) error) error {
	b := c.brokers[i]
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := f(b); err != nil {
		return fmt.Errorf("cluster: %s broker %d: %w", what, i, err)
	}
	return nil
}

func (b *broker) id() string { return b.container.GetContainerID() }

// start starts it for the first time.
func (b *broker) start(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.container.Start(ctx)
	b.running = err == nil
	return err
}

// up says whether it should answer.
func (b *broker) up() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.running && !b.paused
}

// ended says whether its process has, though nobody ended it.
func (b *broker) ended(ctx context.Context) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	is, err := b.container.State(ctx)
	return err == nil && b.running && !is.Running
}

func (b *broker) stop(ctx context.Context) error {
	if !b.running {
		return nil
	}
	if err := b.resume(ctx); err != nil {
		return err
	}
	seconds := stopTimeout
	_, err := b.client.ContainerStop(ctx, b.id(), client.ContainerStopOptions{Timeout: &seconds})
	b.running = err != nil
	return err
}

func (b *broker) resume(ctx context.Context) error {
	if !b.paused {
		return nil
	}
	_, err := b.client.ContainerUnpause(ctx, b.id(), client.ContainerUnpauseOptions{})
	b.paused = err != nil
	return err
}

func (b *broker) logs(ctx context.Context, lines int) (string, error) {
	r, err := b.client.ContainerLogs(ctx, b.id(), client.ContainerLogsOptions{
		ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(lines),
	})
	if err != nil {
		return "", err
	}
	var out strings.Builder
	_, err = stdcopy.StdCopy(&out, &out, r)
	return out.String(), errors.Join(err, r.Close())
}

// remove ends and removes the container, and gives its port back.
func (b *broker) remove(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running { // its data goes with it, so it need not end well
		_, _ = b.client.ContainerKill(ctx, b.id(), client.ContainerKillOptions{Signal: "SIGKILL"})
	}
	b.running = false
	err := b.container.Terminate(ctx, testcontainers.StopTimeout(time.Second))
	return errors.Join(err, b.port.Close())
}
