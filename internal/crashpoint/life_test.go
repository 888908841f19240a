package crashpoint

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/internal/reactor"
	"github.com/pitwheel/pitwheel/store/storetest"
)

// instance is what outlives the lives of one: its id, its directory, its disk.
type instance struct {
	id    string
	dir   string
	disk  *storetest.Disk
	loops int
	dead  int // lives that were killed
}

func (s *stage) instance(id string) *instance {
	return &instance{id: id, dir: filepath.Join(s.t.TempDir(), id), disk: storetest.NewDisk(), loops: 1}
}

// life is a run of an instance, from its start to its end or death.
type life struct {
	stage *stage
	of    *instance
	app   *pitwheel.App
	wire  *wire
	seen  atomic.Int64 // numbers chained in this life
	gives atomic.Bool  // it was asked to give tasks up

	cancel context.CancelFunc
	ended  chan struct{}
	result error

	gate   chan struct{} // restores go through one at a time
	killed chan struct{} // closed when it is dead
	dying  sync.Once

	mu    sync.Mutex
	traps []*trap // the first is next
	in    *reactor.Moment
}

// start begins a life with what is to happen to it.
func (s *stage) start(of *instance, traps ...*trap) *life {
	s.t.Helper()
	l := &life{
		stage: s, of: of, traps: traps,
		ended: make(chan struct{}), killed: make(chan struct{}), gate: make(chan struct{}, 1),
	}
	l.wire = &wire{inner: s.network.DialContext, judge: l.judge, kill: l.kill, links: map[*connection]bool{}}
	app, err := pitwheel.New(newPlan(s.t, &l.seen), pitwheel.Config{
		ApplicationID: "app", InstanceID: of.id, Brokers: s.cluster.ListenAddrs(), StateDir: of.dir,
		Guarantee: s.guarantee, Loops: of.loops, MemoryLimit: 16 << 20,
		CommitInterval: s.commitEvery, FlushInterval: flushEvery,
		SessionTimeout: session, StopTimeout: 5 * time.Second,
		Logger: s.log.of(of.id),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	l.app = app
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	disk := of.disk
	ctx = reactor.WithProbe(ctx, &reactor.Probe{OnStep: l.step, Dial: l.wire.dial, FS: disk})
	go func() {
		defer close(l.ended)
		l.result = app.Run(ctx)
	}()
	s.lives = append(s.lives, l)
	return l
}

const (
	session    = 10 * time.Second
	flushEvery = 2 * time.Second
)

// kill is kill -9, from any goroutine: from now on nothing of this life reaches a broker or a disk. What
// is left is what was synced, and of the rest as much as a crash may leave. Its goroutines end by and by; they
// are alone with their memory.
func (l *life) kill() {
	l.dying.Do(func() {
		l.wire.die()
		l.of.disk = l.of.disk.Crash(l.stage.unsynced, l.stage.rand)
		l.of.dead++
		grave := fmt.Sprintf("%s-dead-%d", l.of.dir, l.of.dead)
		err := os.Rename(l.of.dir, grave)
		if err == nil {
			err = copyTree(grave, l.of.dir)
		}
		if err != nil && !os.IsNotExist(err) {
			l.stage.t.Error(err)
		}
		close(l.killed)
		l.cancel()
	})
}

// copyTree copies the files that a life leaves to the next. One that is being written while it dies may be
// there in part.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at := filepath.Join(to, strings.TrimPrefix(path, from))
		if d.IsDir() {
			return os.MkdirAll(at, 0o700)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(at, data, 0o600)
	})
}

// isDead says whether the life was killed.
func (l *life) isDead() bool {
	select {
	case <-l.killed:
		return true
	default:
		return false
	}
}

// hasEnded says whether the app has.
func (l *life) hasEnded() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// stop ends the life in good order.
func (l *life) stop() error {
	l.cancel()
	<-l.ended
	return l.result
}

// step sees each step begin and end.
func (l *life) step(m reactor.Moment) {
	if l.isDead() {
		return
	}
	if m.Step == reactor.RestoreOpen && !m.Done && !m.Over {
		select {
		case l.gate <- struct{}{}:
		case <-l.killed:
		}
	}
	if m.Step == reactor.GiveCommit {
		l.gives.Store(!m.Over)
	}
	l.spring(m)
	if m.Over && strings.HasPrefix(string(m.Step), "restore.") {
		select {
		case <-l.gate:
		default:
		}
	}
}

// spring opens and closes the next trap's window, and does what is to be done at its ends.
func (l *life) spring(m reactor.Moment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.traps) == 0 {
		return
	}
	next := l.traps[0]
	begins := !m.Done && !m.Over
	if l.in == nil {
		if begins && next.opens(l, m) {
			l.in = &m
			next.open(l)
		}
		return
	}
	if l.in.Step != m.Step || l.in.Task != m.Task || l.in.Loop != m.Loop || begins {
		return
	}
	if m.Done {
		next.done(l)
	}
	l.in = nil
	next.close()
	if next.hits.Load() > 0 {
		l.traps = l.traps[1:]
	}
}

// judge says what becomes of a request.
func (l *life) judge(r kmsg.Request) fate {
	if l.isDead() {
		return cut
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.traps) == 0 || l.in == nil {
		return delivered
	}
	return l.traps[0].meet(l, r)
}
