package reactor

import (
	"context"
	"net"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// Probe is a test's hold on an instance: it sees each step of the protocol begin and end, in the goroutine
// that takes it, and may give another network and file system. A nil Probe does nothing.
type Probe struct {
	OnStep func(Moment)
	Dial   func(ctx context.Context, network, host string) (net.Conn, error)
	FS     store.FS
}

// Moment is the beginning or the end of a step.
type Moment struct {
	Step Step
	Done bool          // the step has succeeded
	Over bool          // and no other follows; Step is empty where the last one did not succeed
	Task record.TaskID // of a restore
	Loop int           // of a commit
}

// Network is what connects to brokers; nil: the operating system.
func (p *Probe) Network() func(ctx context.Context, network, host string) (net.Conn, error) {
	if p == nil {
		return nil
	}
	return p.Dial
}

func (p *Probe) fs() store.FS {
	if p == nil {
		return nil
	}
	return p.FS
}

// Begin is one way through the steps, of which at says whose it is.
func (p *Probe) Begin(at Moment) *Way {
	if p == nil {
		return nil
	}
	return &Way{p, at}
}

// Way is one way through steps. It belongs to one goroutine. A nil Way does nothing.
type Way struct {
	probe *Probe
	at    Moment
}

// Enter begins a step, when the one before it has succeeded.
func (w *Way) Enter(s Step) {
	if w == nil {
		return
	}
	w.Leave()
	w.at.Step = s
	w.probe.OnStep(w.at)
}

// Leave ends the step that was entered last: it has succeeded.
func (w *Way) Leave() {
	if w == nil || w.at.Step == "" {
		return
	}
	at := w.at
	w.at.Step, at.Done = "", true
	w.probe.OnStep(at)
}

// End is called however the way has ended: err is nil where its last step has succeeded.
func (w *Way) End(err error) {
	if w == nil {
		return
	}
	if err == nil {
		w.Leave()
	}
	at := w.at
	at.Step, at.Over = "", true
	w.probe.OnStep(at)
}
