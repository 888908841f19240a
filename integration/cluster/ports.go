package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gofrs/flock"
)

// The ports that brokers get. They end below those that systems give to outgoing connections
// (32768 on Linux, 49152 elsewhere), one of which might else take a port while its broker is down.
const (
	portMin = 20000
	portMax = 32000
)

var errNoPort = fmt.Errorf("no port between %d and %d is free", portMin, portMax)

// takePort finds a port that is free, and locks it among all processes of this user until the lock
// is released or the process ends: a broker that is down still has its port.
func takePort(ctx context.Context, host string) (port int, lock *flock.Flock, err error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("pitwheel-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, nil, err
	}
	// Processes begin at different ports, so that they seldom meet.
	span := portMax - portMin
	first := os.Getpid() * 16 % span
	for i := range span {
		port := portMin + (first+i)%span
		lock := flock.New(filepath.Join(dir, strconv.Itoa(port)))
		ok, err := lock.TryLock()
		if err != nil {
			return 0, nil, err
		}
		if ok && free(ctx, host, port) {
			return port, lock, nil
		}
		if err := lock.Close(); err != nil {
			return 0, nil, err
		}
		if ctx.Err() != nil {
			return 0, nil, errors.Join(errNoPort, ctx.Err())
		}
	}
	return 0, nil, errNoPort
}

// free says whether nothing listens on the port. Of another machine's ports nothing is known.
func free(ctx context.Context, host string, port int) bool {
	if host != loopback {
		return true
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
