package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// process is a worker process, as the driver sees it.
type process struct {
	cmd     *exec.Cmd
	stdin   io.Closer
	reports chan report // closed when the worker's output has ended
	errors  *tail
	exited  chan struct{} // closed when the process has ended
	err     error         // how it ended; valid once exited
}

// startProcess starts this executable again as a worker.
func startProcess(args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	p := &process{
		// A worker outlives a cancelled context: it is told to stop through its standard input.
		cmd:     exec.CommandContext(context.Background(), self, append([]string{workerCommand}, args...)...),
		reports: make(chan report, 1024),
		errors:  &tail{},
		exited:  make(chan struct{}),
	}
	p.cmd.Stderr = p.errors
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	go func() {
		readReports(stdout, func(r report) { p.reports <- r })
		close(p.reports)
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// kill ends the process with SIGKILL, which it cannot see coming, and returns what it had reported
// until then.
func (p *process) kill() (last []report, err error) {
	if err := p.cmd.Process.Kill(); err != nil {
		return nil, fmt.Errorf("kill the worker: %w", err)
	}
	for r := range p.reports {
		last = append(last, r)
	}
	<-p.exited
	return last, nil
}

// stop has the worker commit, close and end, and waits for that.
func (p *process) stop() (last []report, err error) {
	_ = p.stdin.Close()
	late := time.AfterFunc(lastWords+5*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	for r := range p.reports {
		last = append(last, r)
	}
	<-p.exited
	if p.err != nil {
		return last, p.failure()
	}
	return last, nil
}

// failure is why the worker ended, in its own words if it had any.
func (p *process) failure() error {
	<-p.exited
	words := p.errors.String()
	switch {
	case words != "" && p.err != nil:
		return fmt.Errorf("the worker ended: %w\n%s", p.err, words)
	case p.err != nil:
		return fmt.Errorf("the worker ended: %w", p.err)
	default:
		return errors.New("the worker ended by itself")
	}
}

// tail keeps the last of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailBytes; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
