package topology

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/pitwheel/pitwheel/windowing"
)

// The fixes that several steps share.
const (
	optionFix    = "remove it"
	keyFix       = "register one with Builder.UseSerde, or say it with WithKeySerde on the stream before"
	newKeyFix    = "register one with Builder.UseSerde, or write SelectKey, WithKeySerde and GroupByKey for GroupBy"
	valueFix     = "register one with Builder.UseSerde, or say it with WithValueSerde on the stream before"
	storeFix     = "add the option topology.ValueSerde, or register one with Builder.UseSerde"
	otherNameFix = "give one of them another topology.Name"
	sharedFix    = "aggregate one GroupedStream for both, or give one of them another topology.Name or topology.As"
	cogroupFix   = "add topology.Name to each GroupByKey or GroupBy whose key was changed"
	groupFix     = "add topology.Name to GroupByKey or GroupBy, or topology.As to the aggregation"
)

// check reports what is wrong with the options that every step takes.
func (n *node) check(s settings) {
	for _, problem := range s.problems {
		n.fail(problem, optionFix)
	}
	if s.given[nameOption] {
		n.checkName(s.name, "")
	}
}

// checkName reports a name that cannot be one.
func (n *node) checkName(name, suffix string) {
	if problem := nameProblem(name, suffix); problem != "" {
		n.fail(problem, nameFix)
	}
}

// checkTopicName reports a name that is one for a step but not for a repartition topic.
func (n *node) checkTopicName(s settings) {
	if s.given[nameOption] && nameProblem(s.name, "") == "" {
		n.checkName(s.name, repartitionSuffix)
	}
}

// requireName reports a generated name where RequireNames wants a given one.
func (n *node) requireName(given bool, what, name, fix string) {
	if n.builder.requireNames && !given {
		n.fail(fmt.Sprintf("the %s %s has a generated name", what, name), fix)
	}
}

func checkTopic[K, V any](n *node, t Topic[K, V]) {
	if t.spec == nil {
		n.fail("the topic is a zero value", "make it with NewTopic")
		return
	}
	if problem := nameProblem(t.Name(), ""); problem != "" {
		n.fail("topic: "+problem, nameFix)
	}
	checkSerdes(n, t)
}

func checkSerdes[K, V any](n *node, t Topic[K, V]) {
	if t.spec == nil {
		n.fail("the topic is a zero value", "make it with NewTopic")
		return
	}
	n.checkGiven(fmt.Sprintf("topic %q", t.Name()), "NewTopic", t.spec.key != nil, t.spec.value != nil)
}

// checkGiven reports serdes that were not given to the function that makes what reads or writes.
func (n *node) checkGiven(what, maker string, key, value bool) {
	switch {
	case !key && !value:
		n.fail(what+" has no serdes", "give them to "+maker)
	case !key:
		n.fail(what+" has no key serde", "give one to "+maker)
	case !value:
		n.fail(what+" has no value serde", "give one to "+maker)
	}
}

func (n *node) checkSource() {
	topics := n.source.topics
	if len(topics) == 0 && n.source.pattern == nil {
		n.fail("no topic is given", "give at least one")
	}
	for i, topic := range topics {
		if i > 0 && topics[i-1] == topic && topic != "" {
			n.fail(fmt.Sprintf("topic %q is given twice", topic), "give it once")
		}
	}
	deadLetters, _ := n.source.onError.DeadLetterTopics()
	for _, topic := range deadLetters {
		if problem := nameProblem(topic, ""); problem != "" {
			n.fail("dead-letter topic: "+problem, nameFix)
		}
	}
}

func (n *node) checkRepartition(s settings) {
	n.check(s)
	n.checkTopicName(s)
	if s.given[partitionsOption] && (s.partitions < 1 || s.partitions > math.MaxInt32) {
		n.fail(fmt.Sprintf("the option Partitions is %d", s.partitions), "give at least 1 and at most 2147483647")
	}
	n.requireName(s.given[nameOption], "repartition topic", n.repartition.Topic, "add topology.Name")
}

// reservedPrefix is that of our own names in the metadata of offsets, where stores have theirs too:
// docs/format/commit-metadata.md.
const reservedPrefix = "pitwheel."

func (n *node) checkStore(s settings, store string) {
	n.check(s)
	if s.given[asOption] {
		if problem := nameProblem(store, changelogSuffix); problem != "" {
			n.fail("store: "+problem, nameFix)
		}
		if strings.HasPrefix(store, reservedPrefix) {
			n.fail(fmt.Sprintf("store: the name %q begins as what stands beside committed offsets does", store), nameFix)
		}
	}
	if s.given[noChangelogOption] && s.given[topicConfigOption] {
		n.fail("the options NoChangelog and TopicConfig are both given, but without a changelog there is no topic",
			"remove one of them")
	}
	if _, empty := s.config[""]; empty {
		n.fail("the option TopicConfig has an empty key", "name the topic's config, e.g. retention.ms")
	}
}

// checkClosing reports options that do not go with how results are emitted.
func (n *node) checkClosing(s settings, onClose bool) {
	if onClose && s.given[cachedOption] {
		n.fail("the option Cached stands with EmitOnClose, which emits each window once anyway", optionFix)
	}
}

func (n *node) checkWindows(s settings, w windowing.Windows, onClose bool) {
	n.checkClosing(s, onClose)
	if w.Validate() != nil {
		return // reported by WindowedBy
	}
	if w.AreUnlimited() {
		n.checkUnlimited(s, onClose)
		return
	}
	least, ok := w.Retention()
	size := "the windows' size"
	if w.AreSliding() {
		size = "twice the windows' size"
	}
	n.checkRetention(s, least, ok, fmt.Sprintf("%s %v and grace %v", size, w.Size(), w.GracePeriod()))
}

// checkUnlimited reports what an unlimited window does not go with.
func (n *node) checkUnlimited(s settings, onClose bool) {
	if onClose {
		n.fail("an unlimited window never closes, so EmitOnClose would emit nothing", optionFix)
	}
	if s.given[retentionOption] {
		n.fail("the option Retention stands with an unlimited window, which is kept for ever", optionFix)
	}
}

// checkRetention reports a retention that is shorter than what the windows need, which what says; not ok:
// that is too long.
func (n *node) checkRetention(s settings, least time.Duration, ok bool, what string) {
	switch {
	case !ok:
		n.fail(what+" together are too long", "make one of them shorter")
	case !s.given[retentionOption]:
	case s.retention < least:
		n.fail(fmt.Sprintf("the option Retention is %v, less than %s", s.retention, what), fmt.Sprintf("give at least %v", least))
	case s.retention%time.Millisecond != 0:
		n.fail(fmt.Sprintf("the option Retention is %v", s.retention), "give a whole number of milliseconds")
	}
}

// validate reports what can be seen only when the topology is whole.
func (b *Builder) validate() {
	if !slices.ContainsFunc(b.nodes, func(n *node) bool { return n.source != nil }) {
		b.report(StepError{
			Verb: "Build", At: callSite(), order: b.calls,
			Problem: "the topology is empty", Fix: "read a topic with Builder.Stream",
		})
	}
	for _, n := range b.nodes {
		for _, find := range n.wants {
			find()
		}
	}
	b.mergeSources()
	if b.optimized {
		b.mergeRepartitions()
		b.reuseSources()
	}
	b.connectStores()
	b.checkSides()
	b.validateNames()
}

// validateNames reports the second step, store or repartition topic of a name.
func (b *Builder) validateNames() {
	steps, stores, topics := map[string]*node{}, map[string]*node{}, map[string]*node{}
	for _, n := range b.nodes {
		fix := otherNameFix
		if n.movable {
			fix = sharedFix
			if first := topics[n.repartition.Topic]; first != nil && first.order == n.order {
				fix = cogroupFix
			}
		}
		if n.repartition != nil && n.taken(topics, n.repartition.Topic, "repartition topic", fix) {
			continue // its steps are called after it
		}
		for _, part := range n.parts {
			n.taken(steps, part.Name, "step", fix)
		}
	}
	for _, s := range b.keptStores() {
		s.n.taken(stores, s.name, "store", s.fix)
	}
}

// taken notes the name as the node's, or reports whose it is.
func (n *node) taken(names map[string]*node, name, what, fix string) bool {
	first, is := names[name]
	if is {
		n.fail(fmt.Sprintf("the %s %s is made a second time; the first is %s's %s",
			what, name, first.at, first.verb), fix)
		return true
	}
	names[name] = n
	return false
}
