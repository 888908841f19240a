package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain is an instance of the application where its arguments say so.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == workerCommand {
		if err := work(os.Args[2:], os.Stdin, os.Stdout); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestShortSoak runs everything once: instances that are killed, and every check behind it.
func TestShortSoak(t *testing.T) {
	s, err := parse([]string{"-for", "6s", "-every", "500ms", "-calm", "1s", "-keys", "2000", "-dir", t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	faults, err := chooseFaults("kill,kill-start,stop", s.kafka)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	if err := run(ctx, s, faults); err != nil {
		t.Error(err)
	}
}

func TestBadFlagsAreNamed(t *testing.T) {
	for args, want := range map[string]string{
		"":                              "-for",
		"-for 1s -kafka redis":          "-kafka",
		"-for 1s -instances 1":          "-instances",
		"-for 1s -partitions 99":        "-partitions",
		"-for 1s -session 1s":           "-session",
		"-for 1s -keys 3":               "-keys",
		"-for 1s -every 0s":             "-every",
		"-for 1s -kafka real -every 1h": "",
	} {
		_, err := parse(strings.Fields(args))
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want it to name %q", args, err, want)
		}
	}
	if _, err := chooseFaults("kill,earthquake", "kfake"); err == nil || !strings.Contains(err.Error(), "earthquake") {
		t.Errorf("got %v, want it to name the fault", err)
	}
}
