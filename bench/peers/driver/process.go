package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pitwheel/pitwheel/bench/internal/measure"
)

// process is a started system.
type process struct {
	cmd    *exec.Cmd
	stdout bytes.Buffer
	begun  time.Time
	ended  chan struct{} // closed when it has ended; then err says how, and wall how long it ran
	err    error
	wall   float64
}

func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func (j *job) start(ctx context.Context, until string) (*process, error) {
	log, err := os.OpenFile(j.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	argv := slices.Concat(j.sys.argv, j.arguments(until))
	p := &process{cmd: exec.CommandContext(ctx, argv[0], argv[1:]...), begun: time.Now(), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, log
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go func() {
		p.err = p.cmd.Wait()
		p.wall = time.Since(p.begun).Seconds()
		if err := log.Close(); err != nil && p.err == nil {
			p.err = err
		}
		close(p.ended)
	}()
	return p, nil
}

// wait collects the process's line and what the kernel counted for it.
func (j *job) wait(p *process) error {
	<-p.ended
	// A system that was told to end by SIGTERM may say so in its exit status, after it has printed its line.
	if told := j.s.kind == latency && p.stdout.Len() > 0; p.err != nil && !told {
		return fmt.Errorf("%w (see %s)", p.err, j.logFile)
	}
	lines := strings.Split(strings.TrimSpace(p.stdout.String()), "\n")
	d := json.NewDecoder(strings.NewReader(lines[len(lines)-1]))
	d.UseNumber()
	line := map[string]any{}
	if err := d.Decode(&line); err != nil {
		return fmt.Errorf("no JSON line on stdout: %w (see %s)", err, j.logFile)
	}
	for k, v := range line {
		if _, ok := j.result[k]; !ok { // what the driver says about the run is not the system's to change
			j.result[k] = v
		}
	}
	// The kernel's ru_maxrss is of no use here: it begins with this process's own size.
	j.result["proc_wall_s"] = round(p.wall)
	j.result["proc_cpu_s"] = round(p.cpu())
	return nil
}

// cpu is what an ended process has used, in seconds.
func (p *process) cpu() float64 {
	u, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return measure.Rusage(u)
}
