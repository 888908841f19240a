package processor

import (
	"errors"
	"fmt"
)

// ErrorPolicies say what becomes of records that fail, by what failed. The zero value fails the
// app for errors and skips what Kafka Streams would drop.
type ErrorPolicies struct {
	Decode  ErrorPolicy // bytes that do not decode. Zero: Fail
	Process ErrorPolicy // a user function's error or panic. Zero: Fail
	Produce ErrorPolicy // what does not encode, and what brokers refuse for good. Zero: Fail
	Dropped ErrorPolicy // null keys and values, negative times and late records. Zero: Skip
}

// ErrorPolicy is what becomes of a record that failed. Whatever it is, the record is counted by
// its reason and logged. The zero value is unset: the next wider policies decide.
type ErrorPolicy struct {
	Action Action
	Topic  string // the dead-letter topic

	decide *func(Failure) ErrorPolicy // a pointer, so that policies can be compared
}

// Equal says whether two policies are the same; two of Decide are if they come from one call.
func (p ErrorPolicy) Equal(other ErrorPolicy) bool { return p == other }

// Action is what a policy does.
type Action int

// The actions.
const (
	Unset Action = iota
	FailAction
	SkipAction
	DeadLetterAction
	decideAction
)

// Decide is the policy that a function chooses for each failure.
func Decide(f func(Failure) ErrorPolicy) ErrorPolicy {
	if f == nil {
		return ErrorPolicy{}
	}
	return ErrorPolicy{Action: decideAction, decide: &f}
}

// Choose is the policy for the failure: the first that is set of the narrower policies, the wider
// ones and the default. Error: a deciding function panicked, or left it to another one.
func Choose(f *Failure, narrow, wide ErrorPolicies) (ErrorPolicy, error) {
	for _, policies := range [...]ErrorPolicies{narrow, wide} {
		policy, err := policies.of(f.Reason).decided(f)
		if err != nil || policy.Action != Unset {
			return policy, err
		}
	}
	if f.Reason.IsError() {
		return ErrorPolicy{Action: FailAction}, nil
	}
	return ErrorPolicy{Action: SkipAction}, nil
}

var errUndecided = errors.New("the function given to Decide returned a policy that is none of Fail, Skip, DeadLetter and the zero value")

func (p ErrorPolicy) decided(f *Failure) (chosen ErrorPolicy, err error) {
	if p.decide == nil {
		return p, nil
	}
	defer catch(&err)
	chosen = (*p.decide)(*f)
	if chosen.Action < Unset || chosen.Action > DeadLetterAction {
		return chosen, errUndecided
	}
	if chosen.Action == DeadLetterAction && chosen.Topic == "" {
		return chosen, fmt.Errorf("%w: DeadLetter without a topic", errUndecided)
	}
	return chosen, nil
}

func (p ErrorPolicies) of(reason Reason) ErrorPolicy {
	switch reason {
	case DecodeKey, DecodeValue:
		return p.Decode
	case Process:
		return p.Process
	case Encode, Produce:
		return p.Produce
	default:
		return p.Dropped
	}
}

// IsError says that the reason is an error, which fails the app where nothing else is said, and not
// what Kafka Streams drops.
func (r Reason) IsError() bool {
	switch r {
	case DecodeKey, DecodeValue, Process, Encode, Produce:
		return true
	default:
		return false
	}
}

// DeadLetterTopics are the topics that the policies name. others: a function may choose others.
func (p ErrorPolicies) DeadLetterTopics() (topics []string, others bool) {
	for _, policy := range [...]ErrorPolicy{p.Decode, p.Process, p.Produce, p.Dropped} {
		if policy.Action == DeadLetterAction {
			topics = append(topics, policy.Topic)
		}
		others = others || policy.decide != nil
	}
	return topics, others
}
