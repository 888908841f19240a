package graph

// Use names one thing that a step is connected with or a query reads.
type Use struct {
	Kind string // "key-value", "window"
	Name string // the store's
}
