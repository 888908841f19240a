package measure

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

var begun = time.Now()

// SinceStart is the time since the process began (since this package was initialised, a few ms later).
func SinceStart() float64 { return time.Since(begun).Seconds() }

// CPU is the user and system time of all threads of this process, in seconds.
func CPU() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return math.NaN()
	}
	return Rusage(&u)
}

// Rusage is the user and system time in u, in seconds.
func Rusage(u *syscall.Rusage) float64 {
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// PeakRSS is VmHWM in bytes.
func PeakRSS() int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "VmHWM:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// ProcessCPU is the user and system time of another process, in seconds, at the kernel's 10 ms resolution.
func ProcessCPU(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 13 {
		return 0, fmt.Errorf("measure: /proc/%d/stat has %d fields", pid, len(f))
	}
	user, err1 := strconv.ParseFloat(f[11], 64)
	sys, err2 := strconv.ParseFloat(f[12], 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("measure: /proc/%d/stat is not numeric", pid)
	}
	return (user + sys) / 100, nil
}

// TreeBytes is the size of all files under dir; what is gone meanwhile does not count.
func TreeBytes(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // it is gone
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

// Sample is one reading.
type Sample struct {
	Wall, CPU float64
	Processed int64 // records
	Begun     bool  // whether records may have been processed by then, though none counts yet
}

// Progress takes samples in the background while the work goes on.
type Progress struct {
	read    func() (processed int64, begun bool)
	samples []Sample
	stop    chan struct{}
	done    chan struct{}
}

// Start begins sampling every period what read says.
func Start(period time.Duration, read func() (processed int64, begun bool)) *Progress {
	p := &Progress{read: read, stop: make(chan struct{}), done: make(chan struct{})}
	p.take()
	go func() {
		defer close(p.done)
		t := time.NewTicker(period)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				p.take()
			case <-p.stop:
				return
			}
		}
	}()
	return p
}

// Counter is a count of records for Start, where each shows at once.
func Counter(n *atomic.Int64) func() (processed int64, begun bool) {
	return func() (int64, bool) {
		processed := n.Load()
		return processed, processed > 0
	}
}

func (p *Progress) take() {
	processed, begun := p.read()
	p.samples = append(p.samples, Sample{SinceStart(), CPU(), processed, begun})
}

// Stop ends sampling with one last sample.
func (p *Progress) Stop() {
	close(p.stop)
	<-p.done
	p.take()
}

// Fill puts the figures that every processing workload reports into r. warmup is "50%" (of the records) or "10s".
func (p *Progress) Fill(r *Result, warmup string) {
	first, end := p.samples[0], p.samples[len(p.samples)-1]
	for _, s := range p.samples {
		if s.Begun {
			break
		}
		first = s
	}
	all := end
	for _, s := range p.samples {
		if s.Processed == end.Processed {
			all = s
			break
		}
	}
	warm := p.warm(warmup, first, all)
	r.Put("records", end.Processed)
	r.Float("wall_s", end.Wall-first.Wall)
	r.Float("cpu_s", end.CPU-first.CPU)
	r.Float("total_s", end.Wall)
	r.Float("total_cpu_s", end.CPU)
	r.Rate("rec_per_s", end.Processed, end.Wall-first.Wall)
	r.Rate("rec_per_cpu_s", end.Processed, end.CPU-first.CPU)
	n := all.Processed - warm.Processed
	r.Put("warm_records", n)
	r.Rate("warm_rec_per_s", n, all.Wall-warm.Wall)
	r.Rate("warm_rec_per_cpu_s", n, all.CPU-warm.CPU)
}

func (p *Progress) warm(spec string, first, all Sample) Sample {
	for _, s := range p.samples {
		if s.Processed == 0 {
			continue
		}
		if share, ok := strings.CutSuffix(spec, "%"); ok {
			if pct, _ := strconv.ParseFloat(share, 64); float64(s.Processed) >= pct/100*float64(all.Processed) {
				return s
			}
		} else if d, err := time.ParseDuration(spec); err == nil && s.Wall-first.Wall >= d.Seconds() {
			return s
		}
	}
	return all
}

// Result is the one JSON line on stdout; fields keep their order.
type Result struct {
	names  []string
	values map[string]any
}

// Put sets a field.
func (r *Result) Put(name string, v any) *Result {
	if r.values == nil {
		r.values = map[string]any{}
	}
	if _, ok := r.values[name]; !ok {
		r.names = append(r.names, name)
	}
	r.values[name] = v
	return r
}

// Float sets a field to three decimals, or null if it is not a number.
func (r *Result) Float(name string, v float64) *Result {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return r.Put(name, nil)
	}
	return r.Put(name, math.Round(v*1000)/1000)
}

// Rate sets a field to n per second, or null if either is zero.
func (r *Result) Rate(name string, n int64, seconds float64) *Result {
	if n <= 0 || seconds <= 0 {
		return r.Put(name, nil)
	}
	return r.Put(name, int64(math.Round(float64(n)/seconds)))
}

// MarshalJSON keeps the fields in the order they were put in.
func (r *Result) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range r.names {
		if i > 0 {
			b.WriteByte(',')
		}
		v, err := json.Marshal(r.values[name])
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%q:%s", name, v)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Print writes the line.
func (r *Result) Print(w io.Writer) error {
	b, err := r.MarshalJSON()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}
