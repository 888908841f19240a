package reactor

import (
	"log/slog"
	"slices"
	"time"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/tracing"
)

// batches are the spans of a task's turns. Nil: tracing is off.
type batches struct {
	tracer tracing.Tracer
	task   *Task
	begin  time.Time // of the turn

	now     tracing.Span      // of the turn; nil: it has done nothing yet
	links   []tracing.Context // of now
	commit  tracing.Span      // whose flush is under way; nil: none
	records int64             // processed in this turn
	outputs int64

	ended []tracing.Context // of the turns since the last commit
}

func newBatches(t *Task) *batches {
	if t.config.Tracer == nil {
		return nil
	}
	return &batches{tracer: t.config.Tracer, task: t}
}

// BeginTurn says that the records that follow are processed in one go. Where they are traced, the
// turn's span begins with the first record or output, as of at.
func (t *Task) BeginTurn(at time.Time) {
	if t.batches != nil {
		t.batches.begin = at
	}
}

// EndTurn ends the turn, whose outputs were taken. err is what ended it before its time.
func (t *Task) EndTurn(at time.Time, err error) {
	if t.batches != nil {
		t.batches.end(at, err)
	}
}

// open is the turn's span.
func (b *batches) open() tracing.Span {
	if b.now == nil {
		if b.begin.IsZero() {
			b.begin = time.Now()
		}
		b.now = b.tracer.Start(tracing.Start{
			Name: "batch", At: b.begin, Attributes: []slog.Attr{slog.String("task", b.task.ID.String())},
		})
	}
	return b.now
}

// saw links to what a record was caused by. Records of one batch of another task carry the same.
func (b *batches) saw(raw *record.Raw) {
	now := b.open()
	b.records++
	if len(raw.Headers) == 0 || len(b.links) == tracing.LinksMax {
		return
	}
	if n := len(b.links); n > 0 {
		if last, _ := raw.Headers.Get(tracing.TraceparentHeader); string(last) == b.links[n-1].Traceparent {
			return
		}
	}
	c, ok := tracing.FromHeaders(raw.Headers)
	if !ok || slices.Contains(b.links, c) {
		return
	}
	b.links = append(b.links, c)
	now.Link(c)
}

// stamp gives outputs the context of what made them.
func (b *batches) stamp(out []processor.Output) {
	of := b.commit
	if of == nil {
		of = b.open()
		b.outputs += int64(len(out))
	}
	c := of.Context()
	// Most records have no headers; these may share theirs, since nobody changes them.
	var alone record.Headers
	for i := range out {
		if len(out[i].Headers) > 0 {
			out[i].Headers = c.Headers(out[i].Headers)
			continue
		}
		if alone == nil {
			alone = c.Headers(nil)
		}
		out[i].Headers = alone
	}
}

// flush has the outputs that follow be a commit's, until its end with nil.
func (b *batches) flush(commit *span) {
	switch {
	case b == nil:
	case commit == nil:
		b.commit = nil
	default:
		b.commit = commit.whole
	}
}

// end ends the turn.
func (b *batches) end(at time.Time, err error) {
	if b.now == nil {
		return
	}
	b.now.Set(slog.Int64("records", b.records), slog.Int64("outputs", b.outputs))
	b.endSteps()
	b.now.End(at, err)
	if c := b.now.Context(); !c.IsZero() && len(b.ended) < tracing.LinksMax {
		b.ended = append(b.ended, c)
	}
	b.now, b.links, b.records, b.outputs = nil, b.links[:0], 0, 0
	b.begin = time.Time{}
}

// endSteps makes a span of what each step did in the turn, if steps are timed. A step's calls lie within
// its span, which the steps behind it may share: busy is what they took together.
func (b *batches) endSteps() {
	for i, w := range b.task.watches {
		if !w.Timed || w.Came == 0 {
			continue
		}
		b.tracer.Start(tracing.Start{
			Name: "step", Parent: b.now, At: w.Begin, Attributes: []slog.Attr{
				slog.String("step", b.task.config.Subtopology.Nodes[i].Name),
				slog.Int64("in", w.Came), slog.Int64("out", w.Going), slog.Float64("busy", w.Busy.Seconds()),
			},
		}).End(w.End, nil)
		w.Begin, w.End, w.Busy, w.Came, w.Going = time.Time{}, time.Time{}, 0, 0, 0
	}
}

// take hands out the turns since the last commit.
func (b *batches) take() []tracing.Context {
	if b == nil {
		return nil
	}
	ended := b.ended
	b.ended = nil
	return ended
}
