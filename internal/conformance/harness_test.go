package conformance

import (
	"encoding/json"
	"strings"
	"testing"
)

// Each field of a vector is compared: one that is changed is found, and the message says where.
func TestDifferencesAreFound(t *testing.T) {
	const id = "tumbling-after-group-by" // it has outputs, a repartition topic, a changelog, drops
	tests := map[string]struct {
		change func(v *vector, s *scenario)
		want   string
	}{
		"describe":   {func(v *vector, _ *scenario) { v.Describe += " " }, "at the start, describe"},
		"output key": {func(_ *vector, s *scenario) { first(s, "out").Key = "z@0/1" }, "topic out, key"},
		"key bytes": {func(_ *vector, s *scenario) {
			first(s, "out").KeyHex = new("00")
		}, "topic out, key"},
		"output value": {func(_ *vector, s *scenario) {
			first(s, "out").Value = json.Number("99")
		}, "topic out, value: got 1, want 99"},
		"output time": {func(_ *vector, s *scenario) { first(s, "out").Ts = new(int64(1)) }, "topic out, ts"},
		"headers": {func(_ *vector, s *scenario) {
			first(s, "out").HeadersHex = map[string]*string{"h": nil}
		}, "topic out, headers"},
		"topic": {func(_ *vector, s *scenario) {
			first(s, "out").Topic = "elsewhere"
		}, "topic elsewhere: record 0 is missing"},
		"repartition": {func(_ *vector, s *scenario) {
			first(s, "-repartition").ValueHex = nil
		}, "-repartition, value"},
		"changelog": {func(_ *vector, s *scenario) {
			first(s, "-changelog").ValueHex = new("00")
		}, "-changelog, value"},
		"changelog record": {func(_ *vector, s *scenario) {
			first(s, "-changelog").KeyHex = new("00")
		}, "-changelog: no record of key 00"},
		"nothing": {func(_ *vector, s *scenario) {
			s.Steps[firstStep(s, "out")].Out = nil
		}, "want no record of key"},
		"internal":    {func(_ *vector, s *scenario) { s.InternalTopics = nil }, "at the end, internalTopics"},
		"dropped":     {func(_ *vector, s *scenario) { s.Dropped++ }, "at the end, dropped"},
		"store":       {func(_ *vector, s *scenario) { clear(s.Stores) }, "Java has no store"},
		"store row":   {func(_ *vector, s *scenario) { clear(theStore(s)) }, "want no row"},
		"missing row": {func(_ *vector, s *scenario) { theStore(s)["z@0/10000"] = json.Number("1") }, "key z@0/10000"},
		"other store": {func(_ *vector, s *scenario) { s.Stores["more"] = nil }, "store more is not compared"},
		"wrong types": {func(v *vector, _ *scenario) { v.InputTopics[0].Key = "long" }, "is no long"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v := readVector(t, "vectors/"+id+".json.gz")
			s := &v.Scenarios[1]
			if err := runScenario(t, v, s, windowsCases[id]); err != nil {
				t.Fatalf("unchanged: %v", err)
			}
			tt.change(v, s)
			err := runScenario(t, v, s, windowsCases[id])
			if err == nil || !strings.Contains(err.Error(), tt.want) ||
				!strings.HasPrefix(err.Error(), "case "+id+", scenario disordered, ") {
				t.Errorf("got %v, want a difference with %q", err, tt.want)
			}
		})
	}
}

// firstStep is the first step that wrote to a topic of that ending.
func firstStep(s *scenario, topic string) int {
	for i := range s.Steps {
		for j := range s.Steps[i].Out {
			if strings.HasSuffix(s.Steps[i].Out[j].Topic, topic) {
				return i
			}
		}
	}
	panic("no step wrote to " + topic)
}

// first is the first record of a topic of that ending.
func first(s *scenario, topic string) *written {
	out := s.Steps[firstStep(s, topic)].Out
	for i := range out {
		if strings.HasSuffix(out[i].Topic, topic) {
			return &out[i]
		}
	}
	return nil
}

func theStore(s *scenario) map[string]any {
	for _, rows := range s.Stores {
		return rows
	}
	return nil
}

// A write-back cache may write less than Java does, but nothing else and nothing other.
func TestChangelogMayOnlyLeaveOutEmptyTombstones(t *testing.T) {
	put := func(value string) row { return row{key: "k", value: value, ts: "1"} }
	tests := map[string]struct {
		before    string // the row's value; empty: none was ever written
		got, want []row
		ok        bool
	}{
		"same":                       {"", []row{put("a")}, []row{put("a")}, true},
		"once for twice":             {"", []row{put("b")}, []row{put("a"), put("b")}, true},
		"the first of two":           {"", []row{put("a")}, []row{put("a"), put("b")}, false},
		"tombstone of no row":        {"", nil, []row{put("null")}, true},
		"tombstone of a removed row": {"null", nil, []row{put("null")}, true},
		"came and went":              {"", nil, []row{put("a"), put("null")}, true},
		"tombstone of a row":         {"a", nil, []row{put("null")}, false},
		"value":                      {"", nil, []row{put("a")}, false},
		"one too many":               {"a", []row{put("a")}, nil, false},
		"tombstone too many":         {"", []row{put("null")}, nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := &run{vector: &vector{}, scenario: &scenario{}, changelogs: map[string]map[string]string{"t": {}}}
			if tt.before != "" {
				r.changelogs["t"]["k"] = tt.before
			}
			if err := r.compareChangelog("t", tt.got, tt.want); (err == nil) != tt.ok {
				t.Errorf("got %v, want it to be equal: %v", err, tt.ok)
			}
		})
	}
}

func TestEveryCaseIsCovered(t *testing.T) {
	files := map[string]string{"both": "f", "vector": "f", "later": "f", "done": "f"}
	built := map[string]func(*topo){"both": func(*topo) {}, "done": func(*topo) {}, "topology": func(*topo) {}}
	got := coverage(files, built, []string{"done", "gone", "later"})
	want := []string{
		"case done has a topology: take it out of pending.txt",
		"case gone is in pending.txt and has no vector",
		"case topology has a topology and no vector",
		"case vector is not covered: it has no Go topology",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}
