package conformance

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// vector is a case as Kafka Streams ran it.
type vector struct {
	ID           string            `json:"id"`
	Config       map[string]string `json:"config"`
	Describe     string            `json:"describe"`
	InputTopics  []topicTypes      `json:"inputTopics"`
	OutputTopics []topicTypes      `json:"outputTopics"`
	Scenarios    []scenario        `json:"scenarios"`
}

// topicTypes says what a topic's bytes mean.
type topicTypes struct {
	Topic    string `json:"topic"`
	Key      string `json:"key"`
	Value    string `json:"value"`
	WindowMs int64  `json:"windowMs"` // of a time-windowed key
}

type scenario struct {
	Name            string                    `json:"name"`
	Steps           []step                    `json:"steps"`
	InternalTopics  []string                  `json:"internalTopics"`
	UnorderedTopics []string                  `json:"unorderedTopics"`
	Stores          map[string]map[string]any `json:"stores"`
	Dropped         int                       `json:"dropped"`
}

// step is a record to pipe, or else how far the wall clock moves, and what that writes.
type step struct {
	Pipe               *piped    `json:"pipe"`
	AdvanceWallClockMs int64     `json:"advanceWallClockMs"`
	Out                []written `json:"out"`
}

type piped struct {
	Topic   string            `json:"topic"`
	Key     any               `json:"key"`
	Value   any               `json:"value"`
	Ts      int64             `json:"ts"`
	Headers map[string]string `json:"headers"`
}

// String is the step in a message.
func (s step) String() string {
	if s.Pipe == nil {
		return fmt.Sprintf("wall clock + %d ms", s.AdvanceWallClockMs)
	}
	return fmt.Sprintf("%s: %s = %s @ %d", s.Pipe.Topic, show(s.Pipe.Key), show(s.Pipe.Value), s.Pipe.Ts)
}

// written is a record of a topic. Key and Value are those of an output topic, the hexadecimal ones
// of an internal topic; nil is null.
type written struct {
	Topic      string             `json:"topic"`
	Key        any                `json:"key"`
	Value      any                `json:"value"`
	KeyHex     *string            `json:"keyHex"`
	ValueHex   *string            `json:"valueHex"`
	Ts         *int64             `json:"ts"`
	HeadersHex map[string]*string `json:"headersHex"`
}

// vectorDir is the directory of the vectors: ours, or the one that the environment names.
func vectorDir() string {
	if dir := os.Getenv("PITWHEEL_CONFORMANCE"); dir != "" {
		return dir
	}
	return "vectors"
}

// vectorFiles are the vectors' files by case id.
func vectorFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range []string{"*.json", "*.json.gz"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			id := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(name), ".gz"), ".json")
			if other, twice := files[id]; twice {
				t.Fatalf("case %s is there twice: %s and %s", id, other, name)
			}
			files[id] = name
		}
	}
	if len(files) == 0 {
		t.Fatalf("no vectors in directory %q", dir)
	}
	return files
}

func readVector(t *testing.T, name string) *vector {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	d := json.NewDecoder(r)
	d.UseNumber()
	v := &vector{}
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(v.Scenarios) == 0 {
		t.Fatalf("%s has no scenarios", name)
	}
	return v
}

// pendingCases are the ids of pending.txt: verbs still to come.
func pendingCases(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("pending.txt")
	if err != nil {
		t.Fatal(err)
	}
	ids := strings.Fields(string(data))
	if !slices.IsSorted(ids) {
		t.Errorf("pending.txt is not sorted")
	}
	return ids
}
