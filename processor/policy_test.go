package processor

import (
	"errors"
	"strings"
	"testing"
)

var (
	failing = ErrorPolicy{Action: FailAction}
	skips   = ErrorPolicy{Action: SkipAction}
)

// A function decides on what failed, and what it leaves open is decided as if it were not there.
func TestDecideChoosesByFailure(t *testing.T) {
	bad := errors.New("bad")
	decide := Decide(func(f Failure) ErrorPolicy {
		switch {
		case errors.Is(f.Err, bad):
			return ErrorPolicy{Action: DeadLetterAction, Topic: "dead-" + f.Topic}
		case f.Offset > 100:
			return failing
		}
		return ErrorPolicy{}
	})
	tests := []struct {
		name       string
		failure    Failure
		narrow     ErrorPolicies
		wide       ErrorPolicies
		wantAction Action
		wantTopic  string
	}{
		{"by its error", Failure{Reason: Process, Topic: "in", Err: bad}, ErrorPolicies{Process: decide}, ErrorPolicies{}, DeadLetterAction, "dead-in"},
		{"by its offset", Failure{Reason: Process, Offset: 101}, ErrorPolicies{}, ErrorPolicies{Process: decide}, FailAction, ""},
		{"left to the app's", Failure{Reason: Process}, ErrorPolicies{Process: decide}, ErrorPolicies{Process: skips}, SkipAction, ""},
		{"left to the app's function", Failure{Reason: Process, Err: bad}, ErrorPolicies{}, ErrorPolicies{Process: decide}, DeadLetterAction, "dead-"},
		{"left to the default", Failure{Reason: Process}, ErrorPolicies{Process: decide}, ErrorPolicies{Process: decide}, FailAction, ""},
		{"left to the default of what is dropped", Failure{Reason: Late}, ErrorPolicies{Dropped: decide}, ErrorPolicies{}, SkipAction, ""},
		{"not asked", Failure{Reason: DecodeKey, Err: bad}, ErrorPolicies{Process: decide}, ErrorPolicies{}, FailAction, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Choose(&tt.failure, tt.narrow, tt.wide)
			if err != nil || got.Action != tt.wantAction || got.Topic != tt.wantTopic {
				t.Errorf("got %v %q, %v, want %v %q", got.Action, got.Topic, err, tt.wantAction, tt.wantTopic)
			}
		})
	}
}

func TestDecideThatDoesNotDecideIsAnError(t *testing.T) {
	for want, f := range map[string]func(Failure) ErrorPolicy{
		"panic: no":               func(Failure) ErrorPolicy { panic("no") },
		"none of Fail":            func(Failure) ErrorPolicy { return Decide(func(Failure) ErrorPolicy { return skips }) },
		"DeadLetter without a to": func(Failure) ErrorPolicy { return ErrorPolicy{Action: DeadLetterAction} },
	} {
		_, err := Choose(&Failure{Reason: Process}, ErrorPolicies{Process: Decide(f)}, ErrorPolicies{Process: skips})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	if Decide(nil) != (ErrorPolicy{}) {
		t.Error("no function is a policy")
	}
}

func TestPoliciesNameTheirDeadLetterTopics(t *testing.T) {
	dead := func(topic string) ErrorPolicy { return ErrorPolicy{Action: DeadLetterAction, Topic: topic} }
	all := ErrorPolicies{Decode: dead("a"), Process: dead("b"), Produce: dead("c"), Dropped: dead("d")}
	if topics, others := all.DeadLetterTopics(); strings.Join(topics, " ") != "a b c d" || others {
		t.Errorf("got %v %v", topics, others)
	}
	topics, others := ErrorPolicies{Process: Decide(func(Failure) ErrorPolicy { return skips }), Decode: skips}.DeadLetterTopics()
	if len(topics) != 0 || !others {
		t.Errorf("got %v %v, want none that is known, and that there may be others", topics, others)
	}
}
