package processor

// ErrorPolicies say what becomes of records that fail, by what failed. The zero value fails the
// app for errors and skips what Kafka Streams would drop.
type ErrorPolicies struct {
	Decode  ErrorPolicy // bytes that do not decode, and times that cannot be found. Zero: Fail
	Process ErrorPolicy // a user function's error or panic, and what does not encode. Zero: Fail
	Dropped ErrorPolicy // null keys and values, negative times and late records. Zero: Skip
}

// ErrorPolicy is what becomes of a record that failed. Whatever it is, the record is counted by
// its reason and logged. The zero value is unset: the next wider policies decide.
type ErrorPolicy struct {
	Action Action
	Topic  string // the dead-letter topic
}

// Action is what a policy does.
type Action int

// The actions.
const (
	Unset Action = iota
	FailAction
	SkipAction
	DeadLetterAction
)

// Or is p, with the unset policies taken from the wider ones.
func (p ErrorPolicies) Or(wider ErrorPolicies) ErrorPolicies {
	return ErrorPolicies{
		Decode:  p.Decode.or(wider.Decode),
		Process: p.Process.or(wider.Process),
		Dropped: p.Dropped.or(wider.Dropped),
	}
}

func (p ErrorPolicy) or(wider ErrorPolicy) ErrorPolicy {
	if p.Action == Unset {
		return wider
	}
	return p
}

// For is the policy for that reason, with the defaults in place of what is unset.
func (p ErrorPolicies) For(reason Reason) ErrorPolicy {
	fail, skip := ErrorPolicy{Action: FailAction}, ErrorPolicy{Action: SkipAction}
	switch reason {
	case DecodeKey, DecodeValue:
		return p.Decode.or(fail)
	case Process, Encode:
		return p.Process.or(fail)
	default:
		return p.Dropped.or(skip)
	}
}
