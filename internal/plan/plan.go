package plan

import (
	"regexp"
	"time"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// Plan is a compiled topology.
type Plan struct {
	Subtopologies []*Subtopology
	Globals       []*Subtopology // they make no tasks: each runs whole on every instance
	Internal      []*Repartition // every repartition topic, in the order of its source node

	// Copartitioned are sources whose records meet by key, so that their topics must have the same
	// number of partitions.
	Copartitioned [][]*Node
}

// Repartition is a repartition topic: written by one subtopology, read by another.
type Repartition struct {
	Topic      string // without application id
	Partitions int    // zero: as many as the widest source topic of the subtopology that writes it
}

// Subtopology is a connected part of the topology. A task is one of its partitions.
type Subtopology struct {
	ID     int32    // its place in the plan
	Number int32    // as Kafka Streams counts, which counts global ones too
	Nodes  []*Node  // sources, processors and sinks
	Stores []*Store // in the order of their nodes
}

// Kind is what a node is.
type Kind int

// The kinds of nodes.
const (
	Source Kind = iota
	Processor
	Sink
)

// Node is a step.
type Node struct {
	Name     string
	Kind     Kind
	Topics   []string                // a source's; a sink's is one, none if it chooses by record
	Pattern  *regexp.Regexp          // a source's in place of topics: those that it matches as a whole
	Internal bool                    // the topics are repartition topics
	Custom   bool                    // a source's: a function of the user's chooses the topics' partitions
	Reset    Reset                   // a source's
	OnError  processor.ErrorPolicies // a source's; unset policies are the app's
	Stores   []string                // names of the connected stores
	Global   bool                    // a source of a global store
	SetsUp   bool                    // it is a processor with a set-up of the user's
	Parents  []*Node
	Children []*Node

	// Bind makes the node's closure in a task. children are what Bind returned for Children, in
	// their order. It returns the node's Emit or EmitChange, a source's processor.NewSource.
	Bind func(b Binder, children []any) any
}

// Matches says whether a source with a pattern reads the topic.
func (n *Node) Matches(topic string) bool {
	if n.Pattern == nil {
		return false
	}
	at := n.Pattern.FindStringIndex(topic)
	return at != nil && at[0] == 0 && at[1] == len(topic)
}

// Reset is where a source starts in a group without committed offsets.
type Reset int

// The resets.
const (
	Earliest Reset = iota
	Latest
	NoReset // an error
)

// Binder is a task while its nodes are bound.
type Binder interface {
	// Step is the node's step in this task.
	Step(n *Node) *processor.Step
	// Store is the opened store of that name.
	Store(name string) store.State
	// Topic is a sink's topic; internal puts the application id before the name.
	Topic(name string, internal bool) *processor.Topic
	// OnFlush registers what runs before each commit: a record cache emits what it holds back.
	// Children are bound, and so register, before their parents, and are flushed after them, in
	// the reverse of the order of the calls: what a parent emits may fill its children's caches.
	OnFlush(f func() error)
	// OnAhead registers who wants to know what comes: f is told of the next records' keys, a few
	// dozen at a time, and of about their event time. A table's key is always that of the source's
	// record, because what changes it leads through a repartition topic.
	OnAhead(f func(at record.Time, keys [][]byte))
	// Global is what Store.Global makes of the global store of that name; nil: there is none.
	Global(name string) any
	// Runtime is the task as its processors see it.
	Runtime() processor.Runtime
	// Mark is a time that is committed with the offsets under that name and read back when the
	// task starts; -1 before it was ever set. Kafka: ProcessorMetadata.
	Mark(name string) *record.Time
}

// Store is a store of the plan.
type Store struct {
	Name        string
	Kind        StoreKind
	Logged      bool // it has a changelog
	InMemory    bool
	WindowSize  time.Duration     // of a window store
	Retention   time.Duration     // of a window or session store: how long windows stay readable; of a versioned one: its history
	TopicConfig map[string]string // of the changelog, over the defaults
	Headers     record.Headers    // of the changelog's records, but for tombstones

	// Source is the topic, of a source of the same subtopology, whose records are the store's rows:
	// the store is not Logged, and what is processed of the topic brings it back. Empty: none. Then
	// Rows is set and makes a reader of the topic, for one partition.
	Source string
	Rows   func() RowReader

	// Open makes the typed store in a task's space.
	Open func(s *store.Space) store.State

	// Global makes what code in a task sees of a global store, whose rows are those of of; in is
	// the task's space.
	Global func(of *store.Committed, in *store.Space) any

	// Serdes is a func() store.Serdes[K, V], for queries: each call binds them anew.
	Serdes any
	// ByKey says that a row's key is the key of the records that made it, so that it stands in the
	// partition of its key. Rows of processors' own stores may have any key.
	ByKey bool
}

// RowReader gives the row that a source's record makes. partitionTime is the highest event time of
// the partition's rows so far, -1 before the first. False: the record makes none, as it made none
// when it was processed. Error: the row does not encode.
type RowReader func(raw *record.Raw, partitionTime record.Time) (row store.FrozenEntry, ok bool, err error)

// StoreKind is how a store is laid out.
type StoreKind int

// The kinds of stores.
const (
	KeyValue StoreKind = iota
	Window
	Versioned // of values by key: its changelog's records are versions, by their time
	Session
)

// Expires says that rows go when their time is beyond the retention.
func (k StoreKind) Expires() bool { return k == Window || k == Session }

// Keys is what a row's key in the changelog is.
func (k StoreKind) Keys() store.RowKeys {
	switch k {
	case Window:
		return store.WindowKeys
	case Session:
		return store.SessionKeys
	}
	return store.PlainKeys
}

// TopicNames are the full names of a source's topics: for one with a pattern, what it matched.
func (n *Node) TopicNames(applicationID string, matched []string) []string {
	switch {
	case n.Pattern != nil:
		return matched
	case !n.Internal:
		return n.Topics
	}
	names := make([]string, len(n.Topics))
	for i, topic := range n.Topics {
		names[i] = TopicName(applicationID, topic)
	}
	return names
}

// TopicName is an internal topic's full name: Kafka Streams' "<application id>-<name>".
func TopicName(applicationID, topic string) string { return applicationID + "-" + topic }

// ChangelogTopic is the full name of a store's changelog: Kafka Streams'
// "<application id>-<store>-changelog".
func ChangelogTopic(applicationID, store string) string {
	return applicationID + "-" + store + "-changelog"
}
