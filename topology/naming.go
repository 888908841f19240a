package topology

import (
	"fmt"
	"regexp"
	"strings"
)

// The prefixes of generated names are Kafka Streams', for they are in topics' names.
const (
	sourcePrefix        = "KSTREAM-SOURCE-"
	sinkPrefix          = "KSTREAM-SINK-"
	filterPrefix        = "KSTREAM-FILTER-"
	keySelectPrefix     = "KSTREAM-KEY-SELECT-"
	mapPrefix           = "KSTREAM-MAP-"
	mapValuesPrefix     = "KSTREAM-MAPVALUES-"
	flatMapPrefix       = "KSTREAM-FLATMAP-"
	flatMapValuesPrefix = "KSTREAM-FLATMAPVALUES-"
	peekPrefix          = "KSTREAM-PEEK-"
	forEachPrefix       = "KSTREAM-FOREACH-"
	mergePrefix         = "KSTREAM-MERGE-"
	branchPrefix        = "KSTREAM-BRANCH-"
	repartitionPrefix   = "KSTREAM-REPARTITION-"
	aggregatePrefix     = "KSTREAM-AGGREGATE-"
	reducePrefix        = "KSTREAM-REDUCE-"
	printPrefix         = "KSTREAM-PRINTER-"
	toTablePrefix       = "KSTREAM-TOTABLE-"
	processorPrefix     = "KSTREAM-PROCESSOR-"
	processValuesPrefix = "KSTREAM-PROCESSVALUES-"
	cogroupPrefix       = "COGROUPKSTREAM-AGGREGATE-"
	cogroupMergePrefix  = "COGROUPKSTREAM-MERGE-"
	tableSourcePrefix   = "KTABLE-SOURCE-"
	tableFilterPrefix   = "KTABLE-FILTER-"
	toStreamPrefix      = "KTABLE-TOSTREAM-"
	tableMapPrefix      = "KTABLE-MAPVALUES-"
	suppressPrefix      = "KTABLE-SUPPRESS-"

	storeInfix        = "STATE-STORE-"
	repartitionSuffix = "-repartition"
	changelogSuffix   = "-changelog"
	suppressSuffix    = "-store"

	sourceSuffix       = "-source"
	cogroupSuffix      = "-cogroup-agg-"
	cogroupMergeSuffix = "-cogroup-merge"
)

// The steps that change keys, and those that change values, by their prefixes. Kafka Streams:
// GraphNode.setKeyChangingOperation, setValueChangingOperation.
var (
	changesKey = map[string]bool{
		keySelectPrefix: true, mapPrefix: true, flatMapPrefix: true, processorPrefix: true,
	}
	changesValue = map[string]bool{
		mapValuesPrefix: true, flatMapValuesPrefix: true, processorPrefix: true, processValuesPrefix: true,
	}
)

// nameLengthMax is what Kafka allows for a topic's name.
const nameLengthMax = 249

var (
	legalName     = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)
	generatedName = regexp.MustCompile(`^KSTREAM.*-[0-9]{10}$`)
)

// generate makes the next generated name. One counter numbers everything that may be named, in
// the order of Kafka Streams' calls, and a name that the user gave counts as well: so a name
// given later does not change those after it.
func (b *Builder) generate(prefix string) string {
	name := fmt.Sprintf("%s%010d", prefix, b.index)
	b.index++
	return name
}

// named is the given name if there is one, else the generated one. Kafka Streams:
// NamedInternal.orElseGenerateWithPrefix.
func (b *Builder) named(s settings, prefix string) string {
	generated := b.generate(prefix)
	if s.given[nameOption] {
		return s.name
	}
	return generated
}

// suffixed is the given name with a suffix if there is one, else the generated one. Kafka Streams:
// NamedInternal.suffixWithOrElseGet.
func (b *Builder) suffixed(s settings, suffix, prefix string) string {
	generated := b.generate(prefix)
	if s.given[nameOption] {
		return s.name + suffix
	}
	return generated
}

// storeNamed is the given name of a store, which does not count in the numbers, or the generated
// one. Kafka Streams: MaterializedInternal.
func (b *Builder) storeNamed(s settings, prefix string) string {
	if s.given[asOption] {
		return s.store
	}
	return b.generate(prefix + storeInfix)
}

// nameProblem says what is wrong with a name that becomes a topic's, together with the suffix.
func nameProblem(name, suffix string) string {
	switch {
	case name == "":
		return "the name is empty"
	case name == "." || name == "..":
		return fmt.Sprintf("the name %q is not allowed", name)
	case len(name)+len(suffix) > nameLengthMax:
		return fmt.Sprintf("the name has %d characters, at most %d are allowed: %.20s...",
			len(name), nameLengthMax-len(suffix), name)
	case !legalName.MatchString(name):
		return fmt.Sprintf("the name %q has other characters than letters, digits, '.', '_' and '-'", name)
	}
	return ""
}

const nameFix = "choose another"

// repartitionTopic is the topic's name for what the user, or else the store, is called.
func repartitionTopic(name string) string {
	if strings.HasSuffix(name, repartitionSuffix) {
		return name
	}
	return name + repartitionSuffix
}
