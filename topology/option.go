package topology

import (
	"fmt"
	"reflect"
	"time"

	"github.com/pitwheel/pitwheel/internal/graph"
	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/serde"
)

// A verb names the type of option it takes, so that one that means nothing there does not
// compile. Each constructor returns the type of all the places where it fits.
type (
	// StepOption fits every step: Name.
	StepOption interface {
		SourceOption
		StoreOption
		RepartitionOption
		SuppressOption
		Use
		stepOption()
	}
	// SourceOption fits a source: Reset, OnError, and every StepOption.
	SourceOption interface {
		TableOption
		sourceOption()
	}
	// StateOption fits whatever keeps state, a store of processors' own too: InMemory, NoChangelog,
	// TopicConfig.
	StateOption interface {
		StoreOption
		SuppressOption
		stateOption()
	}
	// StoreOption fits a step that keeps state: As, ValueSerde, Cached, every StateOption and every
	// StepOption.
	StoreOption interface {
		TableOption
		WindowStoreOption
		storeOption()
	}
	// TableOption fits Builder.Table: every SourceOption and StoreOption but ValueSerde, since the
	// topic says how values are written.
	TableOption interface{ tableOption() }
	// WindowStoreOption fits a step that keeps windows: Retention, and every StoreOption.
	WindowStoreOption interface{ windowStoreOption() }
	// RepartitionOption fits Repartition: Partitions, and every StepOption.
	RepartitionOption interface{ repartitionOption() }
	// SuppressOption fits every suppression: MaxRecords, MaxBytes, every StateOption and every StepOption.
	SuppressOption interface {
		TimeLimitOption
		suppressOption()
	}
	// TimeLimitOption fits a suppression until a time limit: EmitEarly, and every SuppressOption.
	TimeLimitOption interface{ timeLimitOption() }
	// BuilderOption fits NewBuilder: Optimize, RequireNames.
	BuilderOption interface{ builderOption() }
	// Use is what a processor is connected with: the handle of a store, a Side, or Name for the step.
	Use interface{ Use() graph.Use }
)

// Name names the step in Describe, logs and metrics, and the repartition topic if it makes one:
// of GroupByKey, GroupBy and Repartition it is that topic's name. A named step still counts in
// the numbers of generated names. Kafka: Named, Grouped.as, Repartitioned.as, Consumed.as.
func Name(step string) StepOption { return option{nameOption, step} }

// As names the store, and so its changelog and the repartition topic before it. Without it the
// name is generated and changes with the topology. Kafka: Materialized.as.
func As(store string) StoreOption { return option{asOption, store} }

// InMemory keeps the store in memory and restores it from its changelog at start. Kafka:
// Materialized.withStoreType(IN_MEMORY).
func InMemory() StateOption { return option{kind: inMemoryOption} }

// NoChangelog gives up fault tolerance: the store is empty after its task has moved. Kafka:
// Materialized.withLoggingDisabled.
func NoChangelog() StateOption { return option{kind: noChangelogOption} }

// TopicConfig sets a config of the store's changelog topic. Kafka:
// Materialized.withLoggingEnabled.
func TopicConfig(key, value string) StateOption {
	return option{topicConfigOption, [2]string{key, value}}
}

// ValueSerde is for a store's values where their type has no standard serde and the builder knows
// none (UseSerde), or where another is wanted. One of another type is an error of Build. Kafka:
// Materialized.withValueSerde.
func ValueSerde[V any](s serde.Serde[V]) StoreOption {
	return option{valueSerdeOption, givenSerde{serde: s, of: reflect.TypeFor[V](), none: s == nil}}
}

// Cached holds updates back until the commit and sends only the last of each key downstream, as
// Kafka Streams' record cache does. The default sends every update.
func Cached() StoreOption { return option{kind: cachedOption} }

// Retention keeps windows readable for d of stream time from their start; at least, and by
// default, size and grace. Kafka: Materialized.withRetention.
func Retention(d time.Duration) WindowStoreOption { return option{retentionOption, d} }

// MaxRecords bounds how many keys a suppression holds, at least 1. When it is full the app stops with a
// processor.FullError, unless EmitEarly is given. Kafka: Suppressed.BufferConfig.maxRecords.
func MaxRecords(n int) SuppressOption { return option{maxRecordsOption, n} }

// MaxBytes bounds what a suppression holds in bytes, encoded, about as Kafka Streams counts them; at least
// 1. When it is full the app stops with a processor.FullError, unless EmitEarly is given. Kafka:
// Suppressed.BufferConfig.maxBytes.
func MaxBytes(n int64) SuppressOption { return option{maxBytesOption, n} }

// EmitEarly lets what a full suppression has held the longest go before its time. Kafka:
// Suppressed.BufferConfig.emitEarlyWhenFull.
func EmitEarly() TimeLimitOption { return option{kind: emitEarlyOption} }

// Reset says where a group without committed offsets starts. The default is Earliest. Kafka:
// Consumed.withOffsetResetPolicy.
func Reset(p ResetPolicy) SourceOption { return option{resetOption, p.reset} }

// OnError overrides the app's error policies for what comes from this source, up to the next
// repartition topic; those left unset stay the app's.
func OnError(p ErrorPolicies) SourceOption { return option{onErrorOption, p} }

// Partitions is the number of the repartition topic's partitions, at least 1. The default is that
// of the widest topic that the subtopology before it reads. Kafka:
// Repartitioned.withNumberOfPartitions.
func Partitions(n int) RepartitionOption { return option{partitionsOption, n} }

// Optimize makes the topology need fewer internal topics: repartition topics behind one change of
// the key become one, which stands right behind that change and is called after the first of them,
// and a table's source topic, which must be compacted, takes the place of its changelog. It changes
// the names of topics, and so is for new applications. Kafka: topology.optimization=all.
func Optimize() BuilderOption { return option{kind: optimizeOption} }

// RequireNames makes Build refuse generated names of stores and of internal topics: they change
// with the topology, and then the state behind them is lost. Kafka:
// ensure.explicit.internal.resource.naming (KIP-1111).
func RequireNames() BuilderOption { return option{kind: requireNamesOption} }

// ResetPolicy is where a source starts without committed offsets. The zero value is Earliest.
type ResetPolicy struct{ reset plan.Reset }

// Earliest starts at the oldest record.
func Earliest() ResetPolicy { return ResetPolicy{plan.Earliest} }

// Latest starts with what comes after the start.
func Latest() ResetPolicy { return ResetPolicy{plan.Latest} }

// NoReset makes missing offsets an error.
func NoReset() ResetPolicy { return ResetPolicy{plan.NoReset} }

// ErrorPolicies say what becomes of records that fail, by what failed.
type ErrorPolicies = processor.ErrorPolicies

// ErrorPolicy is what becomes of a record that failed.
type ErrorPolicy = processor.ErrorPolicy

// Fail stops the app.
func Fail() ErrorPolicy { return ErrorPolicy{Action: processor.FailAction} }

// Skip counts, logs and drops the record.
func Skip() ErrorPolicy { return ErrorPolicy{Action: processor.SkipAction} }

// DeadLetter counts and logs the record and writes it, as it was read, to that topic, with the
// reason in its headers (KIP-1034's names). The topic must exist.
func DeadLetter(topic string) ErrorPolicy {
	return ErrorPolicy{Action: processor.DeadLetterAction, Topic: topic}
}

// Decide has f choose what becomes of each record that fails. The zero ErrorPolicy leaves it to
// the next wider policies: after a source's own those of the app, then the defaults. f is called from
// several goroutines, and must give the same for the same failure. If it panics the app stops. A
// dead-letter topic that it chooses must exist when it does. Kafka: DeserializationExceptionHandler,
// ProcessingExceptionHandler and ProductionExceptionHandler.
func Decide(f func(Failure) ErrorPolicy) ErrorPolicy { return processor.Decide(f) }

// Failure is what Decide decides on. The record's key and value are not in it: they are in the
// dead letter.
type Failure = processor.Failure

type optionKind int

const (
	nameOption optionKind = iota
	asOption
	inMemoryOption
	noChangelogOption
	topicConfigOption
	valueSerdeOption
	cachedOption
	retentionOption
	resetOption
	onErrorOption
	partitionsOption
	requireNamesOption
	optimizeOption
	maxRecordsOption
	maxBytesOption
	emitEarlyOption
)

func (k optionKind) String() string {
	return [...]string{
		"Name", "As", "InMemory", "NoChangelog", "TopicConfig", "ValueSerde", "Cached", "Retention",
		"Reset", "OnError", "Partitions", "RequireNames", "Optimize",
		"MaxRecords", "MaxBytes", "EmitEarly",
	}[k]
}

// option is every option; the interfaces say where it fits.
type option struct {
	kind  optionKind
	value any
}

func (option) stepOption()        {}
func (option) sourceOption()      {}
func (option) stateOption()       {}
func (option) storeOption()       {}
func (option) tableOption()       {}
func (option) windowStoreOption() {}
func (option) repartitionOption() {}
func (option) suppressOption()    {}
func (option) timeLimitOption()   {}
func (option) builderOption()     {}

// Use says that an option connects with nothing.
func (option) Use() graph.Use { return graph.Use{} }

// givenSerde is a ValueSerde before it is known what it is for.
type givenSerde struct {
	serde any // serde.Serde[of]
	of    reflect.Type
	none  bool // nil was given
}

// settings are the options of one call.
type settings struct {
	given      map[optionKind]bool
	name       string
	store      string
	config     map[string]string
	valueSerde givenSerde
	retention  time.Duration
	reset      plan.Reset
	onError    ErrorPolicies
	partitions int
	maxRecords int
	maxBytes   int64
	problems   []string
}

// settingsOf reads the options of a call. What is wrong with them is reported when their step is
// known.
func settingsOf[O any](opts []O) settings {
	s := settings{given: map[optionKind]bool{}}
	for i, o := range opts {
		o, ok := any(o).(option)
		if !ok {
			s.problems = append(s.problems, fmt.Sprintf("option %d is nil", i+1))
			continue
		}
		if s.given[o.kind] && o.kind != topicConfigOption {
			s.problems = append(s.problems, fmt.Sprintf("the option %v is given twice", o.kind))
		}
		s.given[o.kind] = true
		s.set(o)
	}
	return s
}

func (s *settings) set(o option) {
	switch o.kind {
	case nameOption:
		s.name = o.value.(string)
	case asOption:
		s.store = o.value.(string)
	case topicConfigOption:
		kv := o.value.([2]string)
		if s.config == nil {
			s.config = map[string]string{}
		}
		s.config[kv[0]] = kv[1]
	case valueSerdeOption:
		s.valueSerde = o.value.(givenSerde)
	case retentionOption:
		s.retention = o.value.(time.Duration)
	case resetOption:
		s.reset = o.value.(plan.Reset)
	case onErrorOption:
		s.onError = o.value.(ErrorPolicies)
	case partitionsOption:
		s.partitions = o.value.(int)
	case maxRecordsOption:
		s.maxRecords = o.value.(int)
	case maxBytesOption:
		s.maxBytes = o.value.(int64)
	}
}

// wantsStore says whether an option asks for a store where a table may do without one. Name and
// ValueSerde do not: they say something of the step and of what it hands on.
func (s *settings) wantsStore() bool {
	for k := range s.given {
		switch k {
		case asOption, inMemoryOption, noChangelogOption, topicConfigOption, cachedOption:
			return true
		}
	}
	return false
}

// materialized says whether Kafka Streams would have been given a Materialized: Name and Cached
// are said elsewhere there.
func (s *settings) materialized() bool {
	for k := range s.given {
		if k != nameOption && k != cachedOption {
			return true
		}
	}
	return false
}
