package streamtest

import (
	"fmt"
	"time"

	"github.com/pitwheel/pitwheel/topology"
)

// Option changes how a Driver runs its plan.
type Option func(*settings)

type settings struct {
	applicationID string
	partitions    int
	startAt       time.Time
	policies      topology.ErrorPolicies
	maxErrors     int64
}

// Partitions gives every topic n partitions, but for changelogs and repartition topics, which have
// as many as they would have in Kafka. The default is one.
func Partitions(n int) Option { return func(s *settings) { s.partitions = n } }

// StartAt is what the wall clock shows first. The default is 1970-01-01, UTC.
func StartAt(t time.Time) Option { return func(s *settings) { s.startAt = t } }

// ApplicationID stands before the names of internal topics. The default is "app". Kafka:
// application.id.
func ApplicationID(id string) Option { return func(s *settings) { s.applicationID = id } }

// OnError are the app's error policies. The default is that of an app: fail for what does not
// decode or panics, skip what Kafka Streams would drop.
func OnError(p topology.ErrorPolicies) Option { return func(s *settings) { s.policies = p } }

// MaxErrors is how many records with an error policies may let pass before the app stops, counted since the
// start or the last Restart, as by Config.MaxErrors. The default is no limit; n must be positive.
func MaxErrors(n int64) Option {
	return func(s *settings) {
		if n <= 0 {
			panic(fmt.Sprintf("streamtest: MaxErrors is %d: it must be positive; to let no error pass use topology.Fail", n))
		}
		s.maxErrors = n
	}
}
