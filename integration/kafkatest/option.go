package kafkatest

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// Option says what Kafka a test wants.
type Option func(*settings)

// settings are what the options say. Tests with equal ones share a Kafka.
type settings struct {
	inMemory   bool
	alone      string
	brokers    int
	properties map[string]string
	jvm        string
	patience   time.Duration
}

// InMemory asks for the embedded Kafka, franz-go's kfake: it starts at once and needs no Docker, and
// has neither replication nor any property.
func InMemory() Option { return func(s *settings) { s.inMemory = true } }

// Brokers asks for so many, if it is a container. Three have three replicas of everything and need two
// of them in sync. The default is one.
func Brokers(n int) Option { return func(s *settings) { s.brokers = n } }

// Property sets one of the brokers', by the name that it has in Kafka's documentation, if it is a
// container.
func Property(name, value string) Option {
	return func(s *settings) {
		if s.properties == nil {
			s.properties = map[string]string{}
		}
		s.properties[name] = value
	}
}

// Alone asks for a container that only tests which ask with the same name share: for those that break
// brokers.
func Alone(name string) Option { return func(s *settings) { s.alone = name } }

// JVM gives the brokers' java these options, if it is a container: cluster.Config has what the default
// is.
func JVM(options string) Option { return func(s *settings) { s.jvm = options } }

// Patience is how long what comes of this Run waits for records, commits and topics before it fails the
// test. The default is a minute.
func Patience(d time.Duration) Option { return func(s *settings) { s.patience = d } }

// The environment.
const (
	kindVariable    = "PITWHEEL_KAFKA"
	brokersVariable = "KAFKA_BROKERS"
	skip            = "skip"
)

func skips() bool { return os.Getenv(kindVariable) == skip }

// kind is what Kafka it shall be.
func (s settings) kind() (Kind, error) {
	if s.inMemory {
		return Embedded, nil
	}
	switch asked := os.Getenv(kindVariable); asked {
	case string(Container), string(Embedded):
		return Kind(asked), nil
	case "", skip:
		if len(given()) > 0 {
			return Given, nil
		}
		return Container, nil
	default:
		return "", fmt.Errorf("kafkatest: the environment's %s is %q: use %q, %q, %q or nothing",
			kindVariable, asked, Container, Embedded, skip)
	}
}

// given are the addresses in the environment.
func given() []string {
	return strings.FieldsFunc(os.Getenv(brokersVariable), func(r rune) bool { return r == ',' || r == ' ' })
}

// key is equal for equal settings.
func (s settings) key() string {
	k := fmt.Sprintf("%q %d %q", s.alone, s.brokers, s.jvm)
	for _, name := range slices.Sorted(maps.Keys(s.properties)) {
		k += fmt.Sprintf(" %q=%q", name, s.properties[name])
	}
	return k
}
