package measure

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// course is samples of a process that starts for 2 s, processes 100 records a second for 4 s, and ends 1 s later.
func course() *Progress {
	p := &Progress{}
	for at := range 8 {
		s := Sample{Wall: float64(at), CPU: float64(at) * 2, Processed: int64(min(max(at-2, 0), 4) * 100), Begun: at > 2}
		p.samples = append(p.samples, s)
	}
	return p
}

func TestFigures(t *testing.T) {
	var r Result
	course().Fill(&r, "50%")
	var text strings.Builder
	if err := r.Print(&text); err != nil {
		t.Fatal(err)
	}
	// From 2 to 7 s, and warm from 4 (200 records) to 6.
	const want = `{"records":400,"wall_s":5,"cpu_s":10,"total_s":7,"total_cpu_s":14,"rec_per_s":80,"rec_per_cpu_s":40,` +
		`"warm_records":200,"warm_rec_per_s":100,"warm_rec_per_cpu_s":50}` + "\n"
	if text.String() != want {
		t.Errorf("got  %swant %s", text.String(), want)
	}
}

func TestWarmUpByTime(t *testing.T) {
	var r Result
	course().Fill(&r, "3s")
	if got := r.values["warm_records"]; got != int64(100) {
		t.Errorf("%v records after 3 s, want 100", got)
	}
}

func TestWhatIsNotKnownIsNull(t *testing.T) {
	var r Result
	(&Progress{samples: make([]Sample, 2)}).Fill(&r, "50%")
	if got := r.values["rec_per_s"]; got != nil {
		t.Errorf("a rate of nothing is %v", got)
	}
}

func TestOwnFigures(t *testing.T) {
	before := CPU()
	for n := 0; CPU() == before; n++ {
		if n > 1e9 {
			t.Fatal("the CPU time stands")
		}
	}
	other, err := ProcessCPU(os.Getpid())
	if err != nil || other < before-0.02 || other > CPU()+0.02 {
		t.Errorf("this process has used %v s, %v; want about %v", other, err, CPU())
	}
	if rss := PeakRSS(); rss < 1<<20 || rss > 1<<40 {
		t.Errorf("peak RSS %d", rss)
	}
	dir := t.TempDir()
	for _, name := range []string{"a", "sub/b"} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, make([]byte, 100), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if n := TreeBytes(dir); n != 200 {
		t.Errorf("TreeBytes is %d, want 200", n)
	}
}
