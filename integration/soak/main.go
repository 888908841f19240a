// Command soak runs an application under faults and holds everything that it writes against an
// independent account. It ends with status 0 only where nothing was lost, doubled or wrong.
//
//	go run ./soak -for 10m                          on an embedded Kafka
//	go run ./soak -kafka real -for 10m              on three brokers in containers
//	go run ./soak -for 60s -every 300ms             dense
//	go run ./soak -records 10000000 -kills 100      until so much is done
//	go run ./soak -list                             the faults
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// applicationID is the group too, and stands before the names of internal topics.
const applicationID = "soak"

// settings are what a run is asked for.
type settings struct {
	seed       uint64
	length     time.Duration // how long events flow; 0: until records and kills are reached
	records    int64
	kills      int
	kafka      string
	brokers    string
	faults     string
	every      time.Duration
	instances  int
	partitions int
	keys       int
	ahead      int64
	commit     time.Duration
	flush      time.Duration
	session    time.Duration
	standbys   int
	calm       time.Duration
	dir        string
	list       bool
	verbose    bool
}

func parse(args []string) (s settings, err error) {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.Uint64Var(&s.seed, "seed", uint64(time.Now().UnixNano()), "of events and faults")
	flags.DurationVar(&s.length, "for", 0, "how `long` events flow at most; 0: until -records and -kills are reached")
	flags.Int64Var(&s.records, "records", 0, "how many events flow at least; 0: as many as -for lets")
	flags.IntVar(&s.kills, "kills", 0, "how many instances are killed at least, where -for does not end it before")
	flags.StringVar(&s.kafka, "kafka", "kfake", "kfake: embedded; real: brokers in containers, or those of -brokers")
	flags.StringVar(&s.brokers, "brokers", "", "`host:port,...` of a running Kafka, which is then not harmed")
	flags.StringVar(&s.faults, "faults", "all", "`names`, see -list; \"-name\" leaves one out")
	flags.DurationVar(&s.every, "every", 1500*time.Millisecond, "about how `often` a fault begins")
	flags.IntVar(&s.instances, "instances", 3, "of the application, each a process")
	flags.IntVar(&s.partitions, "partitions", 6, "of each topic, 4 to 12")
	flags.IntVar(&s.keys, "keys", 20000, "of the events")
	flags.Int64Var(&s.ahead, "ahead", 200000, "how many `events` may wait to be processed")
	flags.DurationVar(&s.commit, "commit", 100*time.Millisecond, "the application's commit `interval`")
	flags.DurationVar(&s.flush, "flush", time.Second, "the application's flush `interval`")
	flags.DurationVar(&s.session, "session", 6*time.Second, "the application's session `timeout`")
	flags.IntVar(&s.standbys, "standbys", 1, "of each task")
	flags.DurationVar(&s.calm, "calm", 5*time.Second, "how `long` each load without faults is, behind the one with; its leaks are measured. 0: none")
	flags.StringVar(&s.dir, "dir", "", "for state and logs, kept where something fails; empty: a temporary one")
	flags.BoolVar(&s.list, "list", false, "list the faults")
	flags.BoolVar(&s.verbose, "v", false, "tell of each fault as it begins")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	return s, s.check()
}

func (s settings) check() (err error) {
	switch {
	case s.length <= 0 && s.records <= 0 && s.kills <= 0 && !s.list:
		err = errors.New("say when it ends: -for, -records or -kills")
	case s.kafka != "kfake" && s.kafka != "real":
		err = fmt.Errorf("-kafka is %q: use kfake or real", s.kafka)
	case s.instances < 2 || s.instances > 9:
		err = fmt.Errorf("-instances is %d: use 2 to 9", s.instances)
	case s.partitions < 4 || s.partitions > 12:
		err = fmt.Errorf("-partitions is %d: use 4 to 12", s.partitions)
	case s.keys < 10*s.partitions:
		err = fmt.Errorf("-keys is %d: use some for each partition, at least %d", s.keys, 10*s.partitions)
	case s.every < 10*time.Millisecond:
		err = fmt.Errorf("-every is %v: use 10ms or more", s.every)
	case s.session < 6*time.Second:
		err = fmt.Errorf("-session is %v: brokers take 6s or more", s.session)
	}
	return err
}

// errBroken is that a promise was broken; the report has said which.
var errBroken = errors.New("a promise was broken")

func main() {
	var err error
	if len(os.Args) > 1 && os.Args[1] == workerCommand {
		err = work(os.Args[2:], os.Stdin, os.Stdout)
	} else {
		err = supervise(os.Args[1:])
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func supervise(args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	if s.list {
		for _, f := range allFaults {
			fmt.Printf("%-14s %s\n", f.name, f.about)
		}
		return nil
	}
	chosen, err := chooseFaults(s.faults, s.kafka)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Printf("seed %d, %d instances, %d partitions, %s, faults: %s\n", s.seed, s.instances, s.partitions, s.kafka, strings.Join(namesOf(chosen), " "))
	return run(ctx, s, chosen)
}
