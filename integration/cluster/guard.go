package cluster

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// sessionLabel marks what belongs to a cluster.
const sessionLabel = "pitwheel.cluster"

// guard removes what is left of a cluster when its process ends without having closed it, however
// it ended. That is Ryuk's part where testcontainers runs it; else it is a child process that waits
// for the end of a pipe that only this process holds open.
type guard struct {
	session string
	child   *exec.Cmd
	pipe    io.Closer
}

// sweep waits until nobody holds its input open, and removes by label.
const sweep = `cat >/dev/null
docker ps -aq --filter label=LABEL | xargs -r docker rm -fv
docker network ls -q --filter label=LABEL | xargs -r docker network rm`

// startGuard guards from now on. Where there is neither Ryuk nor a docker command nothing can.
func startGuard(reaped bool) (*guard, error) {
	g := &guard{session: rand.Text()}
	if reaped || !dockerCommand() {
		return g, nil
	}
	script := strings.ReplaceAll(sweep, "LABEL", sessionLabel+"="+g.session)
	g.child = exec.CommandContext(context.Background(), "sh", "-c", script) // it outlives every context
	g.child.SysProcAttr = ownGroup()                                        // Ctrl-C is for the process that it guards
	pipe, err := g.child.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("guard the containers: %w", err)
	}
	g.pipe = pipe
	if err := g.child.Start(); err != nil {
		return nil, fmt.Errorf("guard the containers: %w", err)
	}
	return g, nil
}

func dockerCommand() bool {
	_, err := exec.LookPath("docker")
	return err == nil
}

func (g *guard) labels() map[string]string { return map[string]string{sessionLabel: g.session} }

// end lets the child go; what it would remove is removed.
func (g *guard) end() error {
	if g.child == nil {
		return nil
	}
	_ = g.pipe.Close() // a second close is no failure
	if err := g.child.Wait(); err != nil {
		return fmt.Errorf("remove what is left of the containers: %w", err)
	}
	return nil
}
