package reactor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/pitwheel/pitwheel/changelog"
	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
)

// topics are the topics of an application as the brokers have them.
type topics struct {
	config Config
	admin  *kafka.Admin
	counts map[string]int32 // by full name

	matched map[*plan.Node][]string      // the topics of sources with a pattern
	configs map[string]map[string]string // of the topics, by name
	spread  map[*plan.Subtopology]spread

	mu      sync.Mutex
	known   map[string]*processor.Topic
	unknown map[string]time.Time     // when they were last looked for
	keeps   map[string]time.Duration // by changelog: how long it keeps deletions
	ids     map[string][16]byte
	limits  map[string]int32 // how large a batch may be
}

// topics are the topics as they were last looked for; nil: they were not yet.
func (e *Engine) topics() *topics { return e.found.Load() }

// prepareTopics finds the topics that the plan names and those that its patterns match, makes the
// internal ones that are missing and checks their partitions. before is what was found before; nil at the
// start. The error names every topic that is missing or wrong, and the fix.
func prepareTopics(ctx context.Context, c Config, admin *kafka.Admin, before *topics) (*topics, error) {
	t := &topics{
		config: c, admin: admin,
		counts: map[string]int32{}, matched: map[*plan.Node][]string{},
		known: map[string]*processor.Topic{}, ids: map[string][16]byte{},
		unknown: map[string]time.Time{}, keeps: map[string]time.Duration{},
		configs: map[string]map[string]string{}, limits: map[string]int32{},
	}
	if err := t.findExternal(ctx, before != nil); err != nil {
		return nil, err
	}
	if err := t.checkSources(ctx); err != nil {
		return nil, err
	}
	if err := t.countRepartition(before); err != nil {
		return nil, err
	}
	for _, sub := range c.Plan.Subtopologies {
		for _, s := range sub.Stores {
			if s.Logged {
				name := plan.ChangelogTopic(c.ApplicationID, s.Name)
				t.counts[name] = cmp.Or(t.partitions(sub), before.count(name))
			}
		}
	}
	if err := t.makeInternal(ctx); err != nil {
		return nil, err
	}
	if err := t.readLimits(ctx, t.written()); err != nil {
		return nil, err
	}
	t.spread = t.spreads()
	return t, nil
}

// findExternal looks for the topics that pitwheel neither makes nor owns. While the app runs a pattern may
// match none.
func (t *topics) findExternal(ctx context.Context, running bool) error {
	use, rights := map[string]string{}, map[string][]kafka.Right{}
	for _, sub := range slices.Concat(t.config.Plan.Subtopologies, t.config.Plan.Globals) {
		for _, n := range sub.Nodes {
			if n.Internal {
				continue
			}
			for _, topic := range n.Topics {
				if n.Kind == plan.Sink {
					use[topic] = "written by step " + n.Name
					rights[topic] = append(rights[topic], kafka.WriteTopic(topic))
				} else {
					use[topic] = "read by step " + n.Name
					rights[topic] = append(rights[topic], kafka.ReadTopic(topic))
				}
			}
			addDeadLetters(use, rights, n.OnError)
		}
	}
	addDeadLetters(use, rights, t.config.Policies)
	if err := t.match(ctx, use, rights, running); err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(use))
	found, err := t.await(ctx, names)
	if err != nil {
		return err
	}
	var missing error
	for _, name := range names {
		info, ok := found[name]
		if !ok && running && t.byPattern(name) {
			t.forget(name) // brokers do not all know it yet: it is looked for again
			continue
		}
		if !ok {
			missing = errors.Join(missing, fmt.Errorf("topic %q, %s, does not exist: create it (pitwheel makes only its internal topics)", name, use[name]))
			continue
		}
		missing = errors.Join(missing, t.admin.Missing(info, rights[name]...))
		t.note(name, info)
	}
	return missing
}

// newTopicGrace is how long topics may be missing once the brokers answer: what was just made is known
// to each broker a moment later.
const newTopicGrace = 2 * time.Second

// await describes the topics, once all exist or the grace is over.
func (t *topics) await(ctx context.Context, names []string) (map[string]kafka.TopicInfo, error) {
	found, err := t.admin.Topics(ctx, names)
	again := time.NewTicker(newTopicGrace / 20)
	defer again.Stop()
	for begin := time.Now(); err == nil && len(found) < len(names) && time.Since(begin) < newTopicGrace; {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-again.C:
			found, err = t.admin.Topics(ctx, names)
		}
	}
	return found, err
}

// written are the topics that are written to, but for those chosen by record.
func (t *topics) written() []string {
	use, rights := map[string]string{}, map[string][]kafka.Right{}
	addDeadLetters(use, rights, t.config.Policies)
	for _, sub := range t.config.Plan.Subtopologies {
		for _, n := range sub.Nodes {
			addDeadLetters(use, rights, n.OnError)
			if n.Kind == plan.Sink && !n.Internal {
				for _, topic := range n.Topics {
					use[topic] = ""
				}
			}
		}
	}
	for _, topic := range t.internal() {
		use[topic.name] = ""
	}
	return slices.Sorted(maps.Keys(use))
}

// writtenPartitions are all of those.
func (t *topics) writtenPartitions() (all []record.Partition) {
	for _, name := range t.written() {
		for id := range t.count(name) {
			all = append(all, record.Partition{Topic: name, ID: id})
		}
	}
	return all
}

func addDeadLetters(use map[string]string, rights map[string][]kafka.Right, p processor.ErrorPolicies) {
	topics, _ := p.DeadLetterTopics()
	for _, topic := range topics {
		use[topic] = "for dead letters"
		rights[topic] = append(rights[topic], kafka.WriteTopic(topic))
	}
}

func (t *topics) note(name string, info kafka.TopicInfo) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[name], t.ids[name] = info.Partitions, info.ID
	t.known[name] = &processor.Topic{Name: name, Partitions: info.Partitions}
}

// countRepartition finds out how many partitions each repartition topic has: what the plan says,
// else as many as the widest topic read by the subtopology that writes it. That one may be a
// repartition topic itself, so it goes round until nothing changes. Where a pattern matches nothing any
// more it stays at what it was.
func (t *topics) countRepartition(before *topics) error {
	for range t.config.Plan.Internal {
		for _, r := range t.config.Plan.Internal {
			name := plan.TopicName(t.config.ApplicationID, r.Topic)
			count := int32(r.Partitions)
			if count == 0 {
				count = t.partitions(t.writer(r.Topic))
			}
			t.counts[name] = max(t.counts[name], count)
		}
	}
	for _, r := range t.config.Plan.Internal {
		name := plan.TopicName(t.config.ApplicationID, r.Topic)
		t.counts[name] = cmp.Or(t.counts[name], before.count(name))
	}
	if err := t.config.Plan.Copartition(t.topicsOf, t.counts); err != nil {
		return err
	}
	for _, r := range t.config.Plan.Internal {
		if t.counts[plan.TopicName(t.config.ApplicationID, r.Topic)] == 0 {
			return fmt.Errorf("the number of partitions of repartition topic %q cannot be found: say it with topology.Partitions", r.Topic)
		}
	}
	return nil
}

func (t *topics) writer(repartition string) *plan.Subtopology {
	for _, sub := range t.config.Plan.Subtopologies {
		for _, n := range sub.Nodes {
			if n.Kind == plan.Sink && n.Internal && slices.Contains(n.Topics, repartition) {
				return sub
			}
		}
	}
	return nil
}

// partitions is how many tasks a subtopology has.
func (t *topics) partitions(sub *plan.Subtopology) int32 {
	count := int32(0)
	if sub == nil {
		return 0
	}
	for _, topic := range t.sourcesOf(sub) {
		count = max(count, t.count(topic))
	}
	return count
}

func (t *topics) sourcesOf(sub *plan.Subtopology) []string {
	var names []string
	for _, n := range sub.Nodes {
		if n.Kind == plan.Source {
			names = append(names, t.topicsOf(n)...)
		}
	}
	return names
}

// topicsOf are the full names of a source's topics.
func (t *topics) topicsOf(n *plan.Node) []string {
	return n.TopicNames(t.config.ApplicationID, t.matched[n])
}

// internalTopic is a topic that is ours to make.
type internalTopic struct {
	name      string
	config    map[string]string
	own       map[string]string // what the topology sets itself
	changelog bool
	retention time.Duration     // a window store's
	history   time.Duration     // a versioned store's
	why       map[string]string // it must be as it is in config
}

func (t *topics) internal() []internalTopic {
	const times = "but the times of records must stay"
	var all []internalTopic
	for _, r := range t.config.Plan.Internal {
		all = append(all, internalTopic{
			name: plan.TopicName(t.config.ApplicationID, r.Topic), config: changelog.RepartitionConfig(),
			why: map[string]string{
				"cleanup.policy":         "which deletes records that are not yet processed",
				"retention.ms":           "which deletes records that are not yet processed; those that are, pitwheel deletes",
				"message.timestamp.type": times,
			},
		})
	}
	for _, sub := range t.config.Plan.Subtopologies {
		for _, s := range sub.Stores {
			if !s.Logged {
				continue
			}
			window := s.Kind.Expires()
			topic := internalTopic{
				name: plan.ChangelogTopic(t.config.ApplicationID, s.Name), changelog: true, own: s.TopicConfig,
				config: changelogConfig(s),
				why: map[string]string{
					"cleanup.policy":         fmt.Sprintf("but store %q would lose rows that are not kept for ever", s.Name),
					"message.timestamp.type": times,
				},
			}
			if window {
				topic.retention = s.Retention
				topic.why["retention.ms"] = fmt.Sprintf("but store %q keeps windows for %v", s.Name, s.Retention)
			}
			if s.Kind == plan.Versioned {
				topic.history = s.Retention
				topic.why["min.compaction.lag.ms"] = fmt.Sprintf("but store %q keeps versions for %v", s.Name, s.Retention)
			}
			all = append(all, topic)
		}
	}
	return all
}

func changelogConfig(s *plan.Store) map[string]string {
	if s.Kind == plan.Versioned {
		return changelog.VersionedTopicConfig(s.Retention, s.TopicConfig)
	}
	return changelog.TopicConfig(s.Kind.Expires(), s.Retention, s.TopicConfig)
}

// makeInternal makes what is missing and checks what is there.
func (t *topics) makeInternal(ctx context.Context) error {
	all := t.internal()
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].name
	}
	found, err := t.admin.Topics(ctx, names)
	if err != nil {
		return err
	}
	var wrong error
	for _, topic := range all {
		want := t.counts[topic.name]
		info, ok := found[topic.name]
		switch {
		case ok && info.Hidden:
			wrong = errors.Join(wrong, t.admin.Missing(info, kafka.ReadTopic(topic.name), kafka.WriteTopic(topic.name)))
		case ok && info.Partitions != want:
			wrong = errors.Join(wrong, fmt.Errorf("internal topic %q has %d partitions, the topology needs %d: if an input's partitions were changed, start over under a new application id, or stop all instances and delete the application's internal topics, offsets and state directories",
				topic.name, info.Partitions, want))
		case ok:
			t.note(topic.name, info)
		case !t.config.CreateTopics:
			wrong = errors.Join(wrong, fmt.Errorf("internal topic %q does not exist and may not be made (Config.Topics): create it with %d partitions and config %v", topic.name, want, topic.config))
		default:
			err := t.admin.Create(ctx, kafka.NewTopic{Name: topic.name, Partitions: want, Replication: t.config.Replication, Config: topic.config})
			if err != nil {
				return err
			}
		}
	}
	if wrong != nil {
		return wrong
	}
	if err := t.awaitInternal(ctx, names); err != nil {
		return err
	}
	if err := t.checkInternal(ctx, all); err != nil {
		return err
	}
	return t.readDeletions(ctx)
}

// awaitInternal waits until the brokers know the topics that were just made.
func (t *topics) awaitInternal(ctx context.Context, names []string) error {
	var missing error
	err := t.admin.Await(ctx, "internal topics", func(ctx context.Context) (bool, error) {
		found, err := t.admin.Topics(ctx, names)
		missing = nil
		for _, name := range slices.Sorted(maps.Keys(found)) {
			missing = errors.Join(missing, t.admin.Missing(found[name], kafka.ReadTopic(name), kafka.WriteTopic(name)))
			t.note(name, found[name])
		}
		return len(found) == len(names), err
	})
	return cmp.Or(err, missing)
}

// lookAgain is how long a topic that was not there is taken for missing without asking again.
const lookAgain = 5 * time.Second

// lookup is a topic by its full name; nil if there is none. Only a sink that chooses its topic by
// record asks for one that is not known yet: then a step does wait for brokers.
func (t *topics) lookup(ctx context.Context, name string) *processor.Topic {
	t.mu.Lock()
	found, missing := t.known[name], t.unknown[name]
	t.mu.Unlock()
	if found != nil || time.Since(missing) < lookAgain {
		return found
	}
	topics, err := t.admin.Topics(ctx, []string{name})
	if info, ok := topics[name]; ok && err == nil {
		if err = t.admin.Missing(info, kafka.WriteTopic(name)); err == nil {
			t.note(name, info)
			return t.lookup(ctx, name)
		}
	}
	if err != nil {
		t.config.Logger.Warn("a topic chosen by record cannot be looked up", "topic", name, "error", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unknown[name] = time.Now()
	return nil
}

func (t *topics) isRepartition(topic string) bool {
	return slices.ContainsFunc(t.config.Plan.Internal, func(r *plan.Repartition) bool {
		return plan.TopicName(t.config.ApplicationID, r.Topic) == topic
	})
}

// count is how many partitions the topic had when it was found; 0 if it was not.
func (t *topics) count(topic string) int32 {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts[topic]
}

func (t *topics) id(name string) [16]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ids[name]
}

// sources are the full names of all topics that are read.
func (t *topics) sources() []string {
	all := map[string]bool{}
	for _, sub := range t.config.Plan.Subtopologies {
		for _, topic := range t.sourcesOf(sub) {
			all[topic] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// tasks are the topics that are assigned together.
func (t *topics) tasks() []kafka.TaskTopics {
	all := make([]kafka.TaskTopics, 0, len(t.config.Plan.Subtopologies))
	for _, sub := range t.config.Plan.Subtopologies {
		all = append(all, kafka.TaskTopics{Topics: t.sourcesOf(sub), Stateful: slices.ContainsFunc(sub.Stores, isLogged)})
	}
	return all
}

func isLogged(s *plan.Store) bool { return s.Logged }

// reader is the subtopology that reads the topic, of which there is just one, whether or not a pattern has
// found it yet; nil: there is none.
func (t *topics) reader(topic string) *plan.Subtopology {
	for _, sub := range t.config.Plan.Subtopologies {
		if slices.Contains(t.sourcesOf(sub), topic) {
			return sub
		}
	}
	if at := t.home(topic); at >= 0 {
		return t.config.Plan.Subtopologies[at]
	}
	return nil
}

// fromEnd says whether a new group reads the topic from its end.
func (e *Engine) fromEnd(topic string) bool {
	t := e.topics()
	for _, sub := range t.config.Plan.Subtopologies {
		for _, n := range sub.Nodes {
			if n.Kind == plan.Source && n.Reset == plan.Latest && slices.Contains(t.topicsOf(n), topic) {
				return true
			}
		}
	}
	return false
}

// reset is where an input without a committed offset starts.
func (e *Engine) reset(of record.Partition, start, end int64) (int64, error) {
	for _, n := range e.topics().reader(of.Topic).Nodes {
		if n.Kind != plan.Source || n.Internal || !slices.Contains(e.topics().topicsOf(n), of.Topic) {
			continue
		}
		if n.Reset == plan.Latest {
			return end, nil
		}
		if n.Reset == plan.NoReset {
			return 0, fmt.Errorf("topic %q partition %d has no committed offset, and step %q may not choose one (topology.NoReset): commit one for group %q", of.Topic, of.ID, n.Name, e.config.ApplicationID)
		}
	}
	return start, nil
}
