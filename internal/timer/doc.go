// Package timer keeps what is to be done at a time: the timers of a task.
//
// # Position
//
// Above record. The engine uses it. It has no clock: who owns a queue says what time it is.
//
// # Ownership
//
// A Queue belongs to one goroutine.
//
// # Invariants
//
//   - TM1: timers fire in the order of their times, those of one time in the order of their adding.
//   - TM2: an ID names one timer and none that is added later, until its place was used 2 billion times.
//   - TM3: in the steady state nothing is allocated.
//   - TM4: no timer in a bucket is before what was reached, and a timer's level is that of the highest
//     digit in which the two differ. So the first bucket of the lowest level in use has the earliest.
//
// # Sources
//
// Varghese and Lauck, Hashed and Hierarchical Timing Wheels (1987). Kafka Streams: PunctuationQueue, a
// heap, which gives timers of one time no order.
package timer
