package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMain makes the test binary a worker where the driver starts it as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == workerCommand {
		if err := work(os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// gzipped writes rows to a file.
func gzipped(t *testing.T, rows string) (path string) {
	t.Helper()
	var data bytes.Buffer
	w := gzip.NewWriter(&data)
	_, _ = w.Write([]byte(rows))
	_ = w.Close()
	path = filepath.Join(t.TempDir(), "flights.csv.gz")
	if err := os.WriteFile(path, data.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// someRows are the first n rows of the built-in data.
func someRows(t *testing.T, n int) string {
	t.Helper()
	flights, err := readFlights("")
	if err != nil {
		t.Fatal(err)
	}
	var rows strings.Builder
	rows.WriteString(header)
	for _, f := range flights[:n] {
		delay := ""
		if f.DepDelay != nil {
			delay = strconv.FormatInt(*f.DepDelay, 10)
		}
		fmt.Fprintf(&rows, "%d,%d,%s,%s,%s\n", f.Published, f.Scheduled, f.Carrier, f.Origin, delay)
	}
	return rows.String()
}

var (
	killed    = regexp.MustCompile(`(?m)^kill (\d) of 2: SIGKILL at (\d+) of 20000 committed, (\d+) processed beyond that$`)
	restarted = regexp.MustCompile(`(?m)^restart (\d): (\d+) changelog records replayed in \d+ ms, running again after \d+ ms$`)
)

// TestNothingIsLostOrDoubledWhileTheWorkerIsKilled runs the whole command, with worker processes
// that are killed, and compares the file it writes with the oracle's answer.
func TestNothingIsLostOrDoubledWhileTheWorkerIsKilled(t *testing.T) {
	data := gzipped(t, someRows(t, 20000))
	result, state := filepath.Join(t.TempDir(), "out.csv"), t.TempDir()
	var out bytes.Buffer
	err := flights([]string{"-once", "-kills", "2", "-data", data, "-out", result, "-state", state}, &out)
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	proving := 0
	for i, line := range killed.FindAllStringSubmatch(out.String(), -1) {
		n, committed, beyond := number(t, line[1]), number(t, line[2]), number(t, line[3])
		if committed < n*20000/3 || committed >= 20000 {
			t.Errorf("kill %d was at %d committed", n, committed)
		}
		back := restarted.FindAllStringSubmatch(out.String(), -1)[i]
		if number(t, back[1]) == n && number(t, back[2]) > 0 && beyond > 0 {
			proving++
		}
	}
	if proving != 2 {
		t.Errorf("%d kills took something that was in flight and left something to replay, want 2", proving)
	}
	if !strings.Contains(out.String(), "flights in 20000, flights counted 20000, lost 0, doubled 0, wrong sums 0") {
		t.Error("the proof is missing")
	}
	if kept, err := os.ReadDir(state); err != nil || len(kept) != 1 {
		t.Errorf("the state was not kept: %v, %v", kept, err)
	}

	right, err := oracle(data)
	if err != nil {
		t.Fatal(err)
	}
	want := "origin,window_start,flights,dep_delay_sum\n"
	for _, of := range sortedHours(right.hours) {
		want += fmt.Sprintf("%s,%d,%d,%d\n", of.origin, of.start, right.hours[of].flights, right.hours[of].delaySum)
	}
	got, err := os.ReadFile(result)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A row that is late by the engine's rules is in the oracle's answer and not in the result. The
// command must say so, which shows too that it does not merely print that all is well.
func TestALateFlightIsShownAndIsLost(t *testing.T) {
	rows := someRows(t, 5000)
	rows += "1900000000,1900000000,AA,JFK,1\n" + "1900000001,1357035300,AA,JFK,1\n"
	var out bytes.Buffer
	err := flights([]string{"-once", "-kills", "0", "-data", gzipped(t, rows)}, &out)
	t.Log(out.String())
	if err == nil || !strings.Contains(err.Error(), "the result is wrong") {
		t.Errorf("got %v", err)
	}
	for _, want := range []string{"late 1,", "flights in 5002, flights counted 5001, lost 1, doubled 0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
}

func TestAnInterruptEndsTheWorkerToo(t *testing.T) {
	s, err := parseSettings([]string{"-pace", "1h"}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	s.state = t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var pid int
	shown := displayFunc(func(s snapshot) {
		if s.committed > 0 {
			pid = s.worker
			cancel()
		}
	})
	if s.names, err = readNames(); err != nil {
		t.Fatal(err)
	}
	data, err := readFlights("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.count(ctx, data, shown); err == nil {
		t.Error("it ended without an error")
	}
	p, err := os.FindProcess(pid)
	if err == nil && p.Signal(syscall.Signal(0)) == nil {
		t.Errorf("the worker %d is still there", pid)
	}
}

// displayFunc is told of every moment.
type displayFunc func(snapshot)

func (f displayFunc) title(string)               {}
func (f displayFunc) show(snap func() snapshot)  { f(snap()) }
func (f displayFunc) note(string)                {}
func (f displayFunc) close(snap func() snapshot) {}

// A driver that is gone cannot say so. Its worker sees that its standard input has ended.
func TestAWorkerEndsWithItsDriver(t *testing.T) {
	k, err := openKafka(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	if err := k.makeTopics(t.Context(), topicsOf("orphan")); err != nil {
		t.Fatal(err)
	}
	p, err := startProcess("-id", "orphan", "-brokers", strings.Join(k.brokers, ","), "-state", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for r := range p.reports {
		if r.State == "running" {
			break
		}
	}
	began := time.Now()
	if err := p.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	for range p.reports {
	}
	<-p.exited
	if p.err != nil {
		t.Errorf("it ended with %v: %s", p.err, p.errors)
	}
	if took := time.Since(began); took > lastWords {
		t.Errorf("it took %v", took)
	}
}
