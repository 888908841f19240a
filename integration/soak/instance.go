package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// instance is a process of the application, as the soak sees it.
type instance struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	log    *os.File
	exited chan struct{} // closed when the process has ended
	err    error         // how it ended; valid once exited

	mu       sync.Mutex
	state    string
	replies  chan word
	restores []restored
	started  time.Time
}

// startInstance starts this executable again, as an instance. What it logs goes to a file.
func startInstance(logs string, args []string) (*instance, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start an instance: %w", err)
	}
	p := &instance{exited: make(chan struct{}), replies: make(chan word, 16), started: time.Now()}
	// It outlives a cancelled context: it is told to stop through its standard input.
	p.cmd = exec.CommandContext(context.Background(), self, append([]string{workerCommand}, args...)...)
	if p.log, err = os.OpenFile(logs, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, fmt.Errorf("start an instance: %w", err)
	}
	p.cmd.Stderr = p.log
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start an instance: %w", err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start an instance: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start an instance: %w", err)
	}
	go p.listen(stdout)
	return p, nil
}

// listen takes in what the process says, until it has ended.
func (p *instance) listen(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var w word
		if json.Unmarshal(lines.Bytes(), &w) != nil {
			continue // the last line of a killed process
		}
		p.mu.Lock()
		switch {
		case w.State != "":
			p.state = w.State
		case w.Restored != nil:
			p.restores = append(p.restores, *w.Restored)
		default:
			select {
			case p.replies <- w:
			default:
			}
		}
		p.mu.Unlock()
	}
	p.err = p.cmd.Wait()
	_ = p.log.Close()
	close(p.exited)
}

// dead is whether the process has ended.
func (p *instance) dead() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// kill ends the process with SIGKILL, which it cannot see coming.
func (p *instance) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// pause has the process stand still, in the middle of whatever it does.
func (p *instance) pause()  { _ = p.cmd.Process.Signal(syscall.SIGSTOP) }
func (p *instance) resume() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }

// quit ends the process with its goroutines in its log.
func (p *instance) quit() {
	p.resume()
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	late := time.NewTimer(5 * time.Second)
	defer late.Stop()
	select {
	case <-p.exited:
	case <-late.C:
		p.kill()
	}
}

// stopWithin is how long an instance may take to stop in good order: its stop timeout, and some.
const stopWithin = 40 * time.Second

// stop has the instance commit, close and end, and waits for that.
func (p *instance) stop() error {
	_ = p.stdin.Close()
	late := time.NewTimer(stopWithin)
	defer late.Stop()
	select {
	case <-p.exited:
		return p.err
	case <-late.C:
		p.quit()
		return fmt.Errorf("it did not stop within %v", stopWithin)
	}
}

// ask gives a command and waits for the answer.
func (p *instance) ask(ctx context.Context, command string) (word, error) {
	if _, err := fmt.Fprintln(p.stdin, command); err != nil {
		return word{}, fmt.Errorf("ask an instance to %s: %w", command, err)
	}
	select {
	case w := <-p.replies:
		if w.Error != "" {
			return w, errors.New(w.Error)
		}
		return w, nil
	case <-p.exited:
		return word{}, fmt.Errorf("ask an instance to %s: it has ended: %w", command, p.err)
	case <-ctx.Done():
		return word{}, fmt.Errorf("ask an instance to %s: %w", command, context.Cause(ctx))
	}
}

// lastWords is the end of a log, for an error.
func lastWords(path string) string {
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "\n")
}
