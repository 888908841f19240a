// Package timer keeps what is to be done at a time: the timers of a task.
//
// # Position
//
// Above record. Operators and the engine use it. No clock: who owns a queue says what time it is.
//
// # Ownership
//
// A Queue belongs to one goroutine.
//
// # Invariants
//
//   - TM1: timers fire in the order of their times, those of one time in the order of their adding.
//   - TM2: an ID names one timer for ever: once it fired or was cancelled, the ID names none.
//   - TM3: in the steady state nothing is allocated.
//
// # Sources
//
// Kafka Streams: PunctuationQueue.
package timer
