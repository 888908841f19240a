package windowing

// Clock is what a timer follows. Kafka: PunctuationType.
type Clock int

// The clocks.
const (
	StreamTime Clock = iota // the highest event time that a task has processed
	WallClock               // the machine's clock, or the test's
)

// String is "stream time" or "wall clock".
func (c Clock) String() string {
	if c == WallClock {
		return "wall clock"
	}
	return "stream time"
}
