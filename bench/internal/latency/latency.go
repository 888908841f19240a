package latency

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/bench/internal/broker"
	"github.com/pitwheel/pitwheel/bench/internal/data"
)

// Params describe one measurement.
type Params struct {
	Brokers, Workload string
	Input, Output     string
	Rate              int
	Keys              int64
	Warmup, Measure   time.Duration
	WindowMs          int64
}

// Result is in milliseconds.
type Result struct {
	Rate       int     `json:"rate"`
	Measured   int     `json:"measured"`
	Missing    int     `json:"missing"` // due in the measured time, not visible 10 s after the last record
	P50        float64 `json:"p50_ms"`
	P90        float64 `json:"p90_ms"`
	P99        float64 `json:"p99_ms"`
	P999       float64 `json:"p999_ms"`
	Max        float64 `json:"max_ms"`
	Mean       float64 `json:"mean_ms"`
	SendLagP99 float64 `json:"send_lag_p99_ms"` // how late the generator itself was
}

type pair struct {
	key   uint64
	start int64
}

// track knows when each record was due, and which are visible.
type track struct {
	mu      sync.Mutex
	due     []int64           // by sequence number, ns
	ordinal map[pair][]int32  // count: the sequence numbers behind each (key, window), in order
	seen    map[pair]int      // count: how many of them are visible
	visible map[int32]float64 // by sequence number, ms after it was due
}

// Run produces and consumes for Warmup+Measure.
func Run(ctx context.Context, p Params) (*Result, error) {
	if p.Workload != "count" && p.Workload != "passthrough" {
		return nil, fmt.Errorf("latency: workload %q is not supported", p.Workload)
	}
	reader, err := newReader(ctx, p)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	total := int(float64(p.Rate) * (p.Warmup + p.Measure).Seconds())
	first := int(float64(p.Rate) * p.Warmup.Seconds())
	t := &track{ordinal: map[pair][]int32{}, seen: map[pair]int{}, visible: map[int32]float64{}, due: make([]int64, 0, total)}

	reading, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.readAll(reading, p, reader)
	}()
	lags, err := send(ctx, p, t, total)
	if err == nil {
		t.settle(p, first, total)
	}
	stop()
	<-done
	if err != nil {
		return nil, err
	}
	return t.result(p, first, t.expected(p, first, total), lags), nil
}

// newReader reads the output from its present end on.
func newReader(ctx context.Context, p Params) (*kgo.Client, error) {
	adm, err := broker.Admin(p.Brokers)
	if err != nil {
		return nil, err
	}
	defer adm.Close()
	out, err := broker.Ends(ctx, adm, p.Output, false)
	if err != nil {
		return nil, err
	}
	from := map[int32]kgo.Offset{}
	for part, end := range out {
		from[part] = kgo.NewOffset().At(end)
	}
	return kgo.NewClient(broker.Brokers(p.Brokers),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{p.Output: from}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMinBytes(1), kgo.FetchMaxWait(500*time.Millisecond))
}

// readAll notes what becomes visible, until ctx ends.
func (t *track) readAll(ctx context.Context, p Params, reader *kgo.Client) {
	for ctx.Err() == nil {
		fs := reader.PollFetches(ctx)
		now := time.Now().UnixNano()
		t.mu.Lock()
		fs.EachRecord(func(r *kgo.Record) { t.read(p, r, now) })
		t.mu.Unlock()
	}
}

// settle waits until all that was measured is visible, 10 s at most.
func (t *track) settle(p Params, first, total int) {
	for range 100 {
		t.mu.Lock()
		done := t.seenFrom(first) >= t.expected(p, first, total)
		t.mu.Unlock()
		if done {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// sender makes the records, each when it is due.
type sender struct {
	p          Params
	t          *track
	partitions int32
	slab       *broker.Slab
	rng        *rand.Rand
	note       []byte
}

// send produces total records at the rate, and returns how late each was sent, in ms.
func send(ctx context.Context, p Params, t *track, total int) ([]float64, error) {
	adm, err := broker.Admin(p.Brokers)
	if err != nil {
		return nil, err
	}
	defer adm.Close()
	in, err := broker.Ends(ctx, adm, p.Input, false)
	if err != nil {
		return nil, err
	}
	writer, err := kgo.NewClient(broker.Brokers(p.Brokers),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		return nil, err
	}
	defer writer.Close()
	s := &sender{p: p, t: t, partitions: int32(len(in)), slab: broker.NewSlab(p.Input), rng: rand.New(rand.NewPCG(7, 7)), note: make([]byte, 64)}
	for i := range s.note {
		s.note[i] = 'a' + byte(s.rng.IntN(26))
	}
	var failed broker.FirstError
	begin := time.Now().Add(100 * time.Millisecond)
	gap := float64(time.Second) / float64(p.Rate)
	lags := make([]float64, 0, total)
	for i := 0; i < total; {
		due := begin.Add(time.Duration(float64(i) * gap))
		if d := time.Until(due); d > 0 {
			time.Sleep(max(d, time.Millisecond))
			continue
		}
		rec := s.next(i, due)
		lags = append(lags, float64(time.Since(due))/1e6)
		writer.Produce(ctx, rec, failed.Promise)
		i++
	}
	if err := writer.Flush(ctx); err != nil {
		return nil, err
	}
	return lags, failed.Err()
}

// next makes record i, and notes when it was due and what will show it.
func (s *sender) next(i int, due time.Time) *kgo.Record {
	rec := s.slab.Blank(data.KeyLen, data.ValueLen, due.UnixMilli(), 0)
	data.PutKey(rec.Key, s.rng.Uint64N(uint64(s.p.Keys)))
	data.PutValue(rec.Value, data.FirstSeq+int64(i), 100_000+s.rng.IntN(900_000), s.note)
	rec.Partition = data.Partition(rec.Key, s.partitions)
	t := s.t
	t.mu.Lock()
	defer t.mu.Unlock()
	t.due = append(t.due, due.UnixNano())
	if s.p.Workload == "count" {
		k := pair{data.KeyBits(rec.Key), data.WindowStart(due.UnixMilli(), s.p.WindowMs)}
		t.ordinal[k] = append(t.ordinal[k], int32(i))
	} else if !data.Kept(rec.Value) {
		t.visible[int32(i)] = -1 // filtered out: there will be no output
	}
	return rec
}

func (t *track) read(p Params, r *kgo.Record, now int64) {
	mark := func(seq int32) {
		if _, ok := t.visible[seq]; !ok {
			t.visible[seq] = float64(now-t.due[seq]) / 1e6
		}
	}
	if p.Workload == "passthrough" {
		if seq := data.Seq(r.Value) - data.FirstSeq; seq >= 0 && seq < int64(len(t.due)) {
			mark(int32(seq))
		}
		return
	}
	if len(r.Key) != data.WindowedKeyLen || len(r.Value) != 8 {
		return
	}
	key, start := data.WindowedKey(r.Key)
	k := pair{key, start}
	n := min(int(binary.BigEndian.Uint64(r.Value)), len(t.ordinal[k]))
	for i := t.seen[k]; i < n; i++ {
		mark(t.ordinal[k][i])
	}
	t.seen[k] = max(t.seen[k], n)
}

// expected is how many of the measured records must become visible.
func (t *track) expected(p Params, first, total int) int {
	n := total - first
	if p.Workload == "passthrough" {
		for seq, ms := range t.visible {
			if ms < 0 && int(seq) >= first {
				n--
			}
		}
	}
	return n
}

func (t *track) seenFrom(first int) (n int) {
	for seq, ms := range t.visible {
		if int(seq) >= first && ms >= 0 {
			n++
		}
	}
	return n
}

func (t *track) result(p Params, first, wanted int, lags []float64) *Result {
	var ms []float64
	for seq, v := range t.visible {
		if int(seq) >= first && v >= 0 {
			ms = append(ms, v)
		}
	}
	res := &Result{Rate: p.Rate, Measured: len(ms), Missing: wanted - len(ms), SendLagP99: quantile(lags[first:], 0.99)}
	if len(ms) == 0 {
		return res
	}
	slices.Sort(ms)
	var sum float64
	for _, v := range ms {
		sum += v
	}
	res.P50, res.P90, res.P99, res.P999 = quantile(ms, 0.5), quantile(ms, 0.9), quantile(ms, 0.99), quantile(ms, 0.999)
	res.Max, res.Mean = ms[len(ms)-1], sum/float64(len(ms))
	return res
}

func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Clone(v)
	slices.Sort(s)
	return s[min(int(q*float64(len(s))), len(s)-1)]
}
