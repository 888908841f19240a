package reactor

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json/v2"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/record"
)

// identity is what a task's state belongs to: the very topics, not others of the same names, how keys
// are spread over them, and how its stores are laid out. It is kept beside the state, and in short in the
// proof of each commit, so that a topic that was made anew or a topology that was changed is
// told from state that merely lags. Kafka Streams keeps nothing like it: it takes such state for its own.
type identity struct {
	Partitions int32             `json:"partitions"` // of the subtopology; 0: they may change
	Inputs     map[string]string `json:"inputs"`     // ids by topic, in hex
	Changelogs map[string]string `json:"changelogs"` // ids by store, in hex
	Stores     map[string]string `json:"stores"`     // layouts by store
}

func (t *topics) identity(sub *plan.Subtopology) identity {
	i := identity{
		Partitions: t.partitions(sub),
		Inputs:     map[string]string{}, Changelogs: map[string]string{}, Stores: map[string]string{},
	}
	for _, n := range sub.Nodes {
		if n.Pattern != nil {
			i.Partitions = 0
		}
	}
	for _, topic := range t.sourcesOf(sub) {
		i.Inputs[topic] = hexID(t.id(topic))
	}
	for _, s := range sub.Stores {
		i.Stores[s.Name] = layout(s)
		if s.Logged {
			i.Changelogs[s.Name] = hexID(t.id(plan.ChangelogTopic(t.config.ApplicationID, s.Name)))
		}
	}
	return i
}

// hexID is empty for a topic of a broker that gives none (before Kafka 2.8, KIP-516).
func hexID(id [16]byte) string {
	if id == ([16]byte{}) {
		return ""
	}
	return hex.EncodeToString(id[:])
}

// layout is what decides how a store's rows are to be read, in words for an error.
func layout(s *plan.Store) string {
	words := []string{"key-value store"}
	switch s.Kind {
	case plan.Window:
		words = []string{"window store"}
		if s.WindowSize > 0 {
			words = append(words, "of windows of "+s.WindowSize.String())
		}
	case plan.Session:
		words = []string{"session store"}
	case plan.Versioned:
		words = []string{"versioned store"}
	}
	switch {
	case s.Logged:
		words = append(words, "with a changelog")
	case s.Source != "":
		words = append(words, "of topic "+s.Source)
	default:
		words = append(words, "without a changelog")
	}
	return strings.Join(words, " ")
}

// short is a number for texts, never 0.
func short(texts ...string) int64 {
	h := fnv.New64a()
	for _, text := range texts {
		_, _ = h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(text))))
		_, _ = h.Write([]byte(text))
	}
	return int64(h.Sum64() | 1)
}

// belonging is an identity as the proof of a commit has it; 0: not known.
type belonging struct {
	inputs             map[string]int64 // by topic
	changelogs, stores int64
}

func (i identity) belonging() belonging {
	b := belonging{inputs: map[string]int64{}, changelogs: i.changelogs(), stores: i.stores()}
	for topic, id := range i.Inputs {
		if id != "" {
			b.inputs[topic] = short(id)
		}
	}
	return b
}

func (i identity) changelogs() int64 {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(i.Changelogs)) {
		if i.Changelogs[name] == "" {
			return 0
		}
		all = append(all, name, i.Changelogs[name])
	}
	if len(all) == 0 {
		return 0
	}
	return short(all...)
}

func (i identity) stores() int64 {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(i.Changelogs)) {
		all = append(all, name, i.Stores[name])
	}
	if len(all) == 0 {
		return 0
	}
	return short(all...)
}

// The ways out of a changed topology.
const (
	adoptNow = "to go on with what the topic holds now, stop all instances, delete their state directories and set the group's offsets again (kafka-consumer-groups.sh --reset-offsets --to-current)"
	newID    = "or run the changed topology under an application id of its own"
)

// checkNote compares with what stands beside the local state. The warning is for what may be meant so.
func (i identity) checkNote(old identity, applicationID string) (warning string, err error) {
	if old.Partitions > 0 && i.Partitions > 0 && old.Partitions != i.Partitions {
		return "", fmt.Errorf("%w: local state was made with %d partitions of its inputs, there are %d now: keys have moved, their state has not; %s, %s",
			ErrDiverged, old.Partitions, i.Partitions, resetAll, newID)
	}
	if warning, err = i.checkStores(old.Stores); err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(i.Changelogs)) {
		if is, was := i.Changelogs[name], old.Changelogs[name]; is != "" && was != "" && is != was {
			return "", fmt.Errorf("%w: changelog %q of store %q was deleted and made anew (topic id %s, was %s): local state may be the only copy, so keep it; put the topic back; %s; or %s",
				ErrDiverged, plan.ChangelogTopic(applicationID, name), name, is, was, adoptNow, resetAll)
		}
	}
	for _, topic := range slices.Sorted(maps.Keys(i.Inputs)) {
		if is, was := i.Inputs[topic], old.Inputs[topic]; is != "" && was != "" && is != was {
			return "", newInput(topic, resetAll)
		}
	}
	return warning, nil
}

func newInput(topic, wayOut string) error {
	return fmt.Errorf("%w: input topic %q was deleted and made anew: the offsets and the state are of records that are gone; %s",
		ErrDiverged, topic, wayOut)
}

// checkStores compares the stores' names and layouts with those that the state was made with.
func (i identity) checkStores(old map[string]string) (warning string, err error) {
	for _, name := range slices.Sorted(maps.Keys(i.Stores)) {
		if was, known := old[name]; known && was != i.Stores[name] {
			return "", fmt.Errorf("%w: store %q is a %s now and was a %s: its state would be read wrongly or be lost; name the new one otherwise (topology.As); %s",
				ErrDiverged, name, i.Stores[name], was, resetAll)
		}
	}
	gone, added := missing(old, i.Stores), missing(i.Stores, old)
	if len(gone) > 0 && len(gone) == len(old) && len(added) > 0 {
		return "", fmt.Errorf("%w: the state is of stores %q, the task has %q: the subtopologies are numbered otherwise since the topology was changed, or the stores were renamed; give renamed stores their old names (topology.As); %s, %s",
			ErrDiverged, gone, added, rebuild, newID)
	}
	return storesChanged(gone, added)
}

// missing are the names of one that are not in the other.
func missing[V, V2 any](of map[string]V, from map[string]V2) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if _, there := from[name]; !there {
			names = append(names, name)
		}
	}
	return names
}

func storesChanged(gone, added []string) (warning string, err error) {
	switch {
	case len(gone) > 0 && len(added) > 0:
		return "", fmt.Errorf("%w: stores %q are gone and %q are new: a renamed store would begin empty; give it its old name (topology.As), or run once without the new ones to say that the old ones are not wanted, %s",
			ErrDiverged, gone, added, newID)
	case len(gone) > 0:
		return fmt.Sprintf("stores %q are not in the topology any more; their state and changelogs stay, and may be deleted", gone), nil
	case len(added) > 0:
		return fmt.Sprintf("stores %q are new and begin empty, though records were processed before", added), nil
	}
	return "", nil
}

// checkProof compares with what the last commit says, for where there is no local state to ask.
func (i identity) checkProof(p Proof, of []record.Partition) error {
	now := i.belonging()
	for _, in := range of {
		if was, is := p.Inputs[in], now.inputs[in.Topic]; was != 0 && is != 0 && was != is {
			return newInput(in.Topic, "to process what it holds now without state of before, "+resetAll)
		}
	}
	if p.Seq == 0 || len(missing(p.Positions, i.Changelogs)) > 0 || len(missing(i.Changelogs, p.Positions)) > 0 {
		return nil // stores have come or gone, so the two cannot be compared
	}
	if p.Stores != 0 && now.stores != 0 && now.stores != p.Stores {
		return fmt.Errorf("%w: a store has another layout than when commit %d was made: of %q one changed its kind or window size under its name, and its changelog would be read wrongly; name the new one otherwise (topology.As); %s",
			ErrDiverged, p.Seq, slices.Sorted(maps.Keys(i.Stores)), resetAll)
	}
	if p.Changelogs != 0 && now.changelogs != 0 && now.changelogs != p.Changelogs {
		return fmt.Errorf("%w: a changelog was deleted and made anew since commit %d, one of stores %q: what it holds is not what was committed; put the topic back; %s; or %s",
			ErrDiverged, p.Seq, slices.Sorted(maps.Keys(i.Changelogs)), adoptNow, resetAll)
	}
	return nil
}

// checkNames compares the logged stores with those that the last commit names. It comes before the
// local state is looked at, which may be another subtopology's since the numbers have moved.
func (i identity) checkNames(p Proof) (warning string, err error) {
	if p.Seq == 0 {
		return "", nil
	}
	return storesChanged(missing(p.Positions, i.Changelogs), missing(i.Changelogs, p.Positions))
}

// identify refuses a task whose state belongs to other topics or another topology, and keeps what it
// belongs to beside the state.
func (e *Engine) identify(t *Task, p Proof) error {
	i := e.topics().identity(t.config.Subtopology)
	t.belongs = i.belonging()
	warning, err := i.checkNames(p)
	if err != nil {
		return err
	}
	onDisk := slices.ContainsFunc(t.config.Subtopology.Stores, func(s *plan.Store) bool { return !s.InMemory })
	if !onDisk || e.config.TaskNote == nil {
		e.toldOfChange(t, warning)
		return i.checkProof(p, t.Inputs())
	}
	text, err := e.config.TaskNote(t.ID)
	if err != nil {
		return err
	}
	if len(text) > 0 {
		var old identity
		if err := json.Unmarshal(text, &old); err != nil {
			return fmt.Errorf("the note of what the state belongs to is damaged: %w; %s", err, rebuild)
		}
		if warning, err = i.checkNote(old, e.config.ApplicationID); err != nil {
			return err
		}
	}
	e.toldOfChange(t, warning)
	if err := i.checkProof(p, t.Inputs()); err != nil {
		return err
	}
	note, err := json.Marshal(i, json.Deterministic(true))
	if err != nil || string(note) == string(text) {
		return err
	}
	return e.config.KeepTaskNote(t.ID, note)
}

func (e *Engine) toldOfChange(t *Task, warning string) {
	if warning != "" {
		e.log.Warn("the topology was changed", "task", t.ID, "because", warning)
	}
}
