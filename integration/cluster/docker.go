package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// ErrDocker is wrapped by Start's error where no Docker daemon answers.
var ErrDocker = errors.New("no Docker daemon answers")

// reaperVariable turns testcontainers' own clean-up off.
const reaperVariable = "TESTCONTAINERS_RYUK_DISABLED"

// docker is a connection to the daemon, and what is known of it.
type docker struct {
	provider *testcontainers.DockerProvider
	client   client.APIClient
	host     string // where published ports are reached
	reaped   bool   // testcontainers' Ryuk removes what a dead process leaves
}

// openDocker connects. Testcontainers reads its environment once, so whether Ryuk runs is decided
// before: only where its image is at hand, because without it nothing would start.
func openDocker(ctx context.Context) (*docker, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := prepare(ctx); err != nil {
		return nil, err
	}
	provider, err := newProvider()
	if err != nil {
		return nil, fmt.Errorf("%w: %w: start Docker, or set DOCKER_HOST", ErrDocker, err)
	}
	d := &docker{provider: provider, client: provider.Client(), reaped: !provider.Config().RyukDisabled}
	if d.host, err = d.publishedHost(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("find out where Docker publishes ports: %w: set TESTCONTAINERS_HOST_OVERRIDE", err), d.close())
	}
	return d, nil
}

func prepare(ctx context.Context) error {
	c, err := client.New(client.FromEnv)
	if err != nil {
		return fmt.Errorf("connect to Docker: %w", err)
	}
	// Testcontainers would go on to whatever daemon it finds.
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		if _, err := c.Ping(ctx, client.PingOptions{}); err != nil {
			return errors.Join(fmt.Errorf("%w at DOCKER_HOST, %s: %w: start it, or unset DOCKER_HOST", ErrDocker, host, err), c.Close())
		}
	}
	if _, decided := os.LookupEnv(reaperVariable); !decided {
		_, missing := c.ImageInspect(ctx, testcontainers.ReaperDefaultImage) //nolint:staticcheck // deprecated for setting it: this reads it
		if missing != nil {
			err = os.Setenv(reaperVariable, "true")
		}
	}
	return errors.Join(err, c.Close())
}

// newProvider turns testcontainers' panic into the error that it is: there is no daemon.
func newProvider() (p *testcontainers.DockerProvider, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return testcontainers.NewDockerProvider(testcontainers.WithLogger(quiet{}))
}

// publishedHost is where this process reaches the ports that the daemon publishes. A daemon of this
// very machine publishes on its loopback, also where the machine is a container itself, which
// testcontainers takes for a container beside the others.
func (d *docker) publishedHost(ctx context.Context) (string, error) {
	if host := os.Getenv("TESTCONTAINERS_HOST_OVERRIDE"); host != "" {
		return host, nil
	}
	info, err := d.client.Info(ctx, client.InfoOptions{})
	if err != nil {
		return "", err
	}
	here, err := os.Hostname()
	if err != nil {
		return "", err
	}
	at, err := url.Parse(d.client.DaemonHost())
	if err != nil {
		return "", err
	}
	if at.Scheme == "unix" && info.Info.Name == here {
		return loopback, nil
	}
	host, err := d.provider.DaemonHost(ctx)
	if host == "localhost" {
		host = loopback // a name may be an IPv6 address first, where nothing is published
	}
	return host, err
}

const loopback = "127.0.0.1"

// ensureImage pulls the image where it is not here.
func (d *docker) ensureImage(ctx context.Context, image string) error {
	if _, err := d.client.ImageInspect(ctx, image); err == nil {
		return nil
	}
	if err := d.provider.PullImage(ctx, image); err != nil {
		return fmt.Errorf("the image %s is neither here nor can be pulled: %w: set %s to one that is; "+
			"in pitwheel's repository, make kafka-image builds it", image, err, imageVariable)
	}
	return nil
}

func (d *docker) close() error { return d.provider.Close() }

// quiet keeps testcontainers' progress out of the output of tests and commands: what fails comes as
// an error.
type quiet struct{}

// Printf implements testcontainers' log.Logger.
func (quiet) Printf(string, ...any) {}
