package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel"
)

// counted is the words of a text, counted without pitwheel.
func counted(text string) map[string]int64 {
	found := map[string]int64{}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), notALetter) {
		found[word]++
	}
	return found
}

func TestTheWholeAppCountsExactly(t *testing.T) {
	ctx := t.Context()
	k, err := openKafka(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	// Twice over the same brokers: the second app goes on where the first one stopped.
	for run := range int64(2) {
		if err := k.send(ctx, strings.Split(text, "\n")); err != nil {
			t.Fatal(err)
		}
		plan, err := wordCount()
		if err != nil {
			t.Fatal(err)
		}
		app, err := pitwheel.New(plan, pitwheel.Config{
			ApplicationID: application, Brokers: k.brokers, StateDir: k.stateDir, LeaveOnStop: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := runUntil(ctx, app, k.counted); err != nil {
			t.Fatal(err)
		}
		got, err := k.read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		want := counted(text)
		for word := range want {
			want[word] *= run + 1
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("run %d: %s", run+1, diff)
		}
	}
}

func TestTheCommandPrintsTheTopWords(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), "", &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "IN MEMORY") {
		t.Error("it is not said that the Kafka is in memory")
	}
	if top := fmt.Sprintf("\n%5d the\n", counted(text)["the"]); !strings.Contains(out.String(), top) {
		t.Errorf("%q is not in %q", top, out.String())
	}
}

func TestNoBrokerIsAnErrorThatNamesIt(t *testing.T) {
	// Nothing listens on port 1.
	err := run(t.Context(), "127.0.0.1:1", &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
}
