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

type probeKey struct{}

// WithProbe has an app that is run with the context use the probe.
func WithProbe(ctx context.Context, p *Probe) context.Context {
	return context.WithValue(ctx, probeKey{}, p)
}

// ProbeOf is the context's probe; nil: there is none, as outside of tests.
func ProbeOf(ctx context.Context) *Probe {
	p, _ := ctx.Value(probeKey{}).(*Probe)
	return p
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

// Moment is the beginning or the end of a step.
type Moment struct {
	Step Step
	Done bool          // the step has succeeded
	Over bool          // no other follows it on this way, whether it has succeeded or not
	Task record.TaskID // of a restore
	Loop int           // of a commit
}

// Begin is one way through the steps, of which at says whose it is.
func (p *Probe) Begin(at Moment) *Way {
	if p == nil {
		return nil
	}
	return &Way{probe: p, at: at}
}

// Way is one way through steps. It belongs to one goroutine. A nil Way does nothing.
type Way struct {
	probe *Probe
	at    Moment // the step that was entered last
	in    bool   // and is not left
}

// Enter begins a step, when the one before it has succeeded.
func (w *Way) Enter(s Step) {
	if w == nil {
		return
	}
	w.Leave()
	w.at.Step, w.in = s, true
	w.probe.OnStep(w.at)
}

// Leave ends the step that was entered last: it has succeeded.
func (w *Way) Leave() {
	if w == nil || !w.in {
		return
	}
	w.in = false
	at := w.at
	at.Done = true
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
	w.in = false
	at := w.at
	at.Over = true
	w.probe.OnStep(at)
}
