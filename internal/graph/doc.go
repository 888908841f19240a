// Package graph is the erased side of handles: what connects a processor or a query with a store.
//
// # Position
//
// The bottom: it imports nothing of pitwheel. Being internal, it keeps others from making handles.
//
// # Ownership
//
// Everything is a value.
//
// # Invariants
//
//   - G1: a Use's name is unique within its plan.
//
// # Sources
//
// None.
package graph
