package graph

// Owner tells one builder's things from another's of the same name.
type Owner struct{ _ byte }

// Use names one thing that a step is connected with or a query reads.
type Use struct {
	Kind  string // "key-value store", "window store", "side output"
	Name  string // the store's or the side output's
	Owner *Owner // of the builder that made it
}
