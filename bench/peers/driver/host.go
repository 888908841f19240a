package main

import (
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/pitwheel/pitwheel/bench/internal/measure"
)

func (j *job) brokerCPU() float64 {
	if j.o.brokerPID == 0 {
		return 0
	}
	s, err := measure.ProcessCPU(j.o.brokerPID)
	if err != nil {
		return 0
	}
	return s
}

// busySeconds is the CPU time that all processes of this machine have used.
func busySeconds() float64 {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	f := strings.Fields(strings.SplitN(string(b), "\n", 2)[0])
	var busy float64
	for i, v := range f[1:] {
		n, _ := strconv.ParseFloat(v, 64)
		if i == 3 || i == 4 || i >= 8 { // idle, iowait; guest time is in user time already
			continue
		}
		busy += n
	}
	return busy / 100
}

// calibrate is the CPU time of a fixed piece of work: random reads over 64 MiB. It says how fast the machine was just now.
func calibrate() float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	words := make([]uint64, 8<<20)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range words {
		words[i] = rng.Uint64()
	}
	var before, after syscall.Rusage
	_ = syscall.Getrusage(thread, &before)
	chase(words)
	_ = syscall.Getrusage(thread, &after)
	return round((measure.Rusage(&after) - measure.Rusage(&before)) * 1000)
}

// thread is RUSAGE_THREAD, which package syscall lacks.
const thread = 1

// chase reads words, each at a place that the one before names.
//
//go:noinline
func chase(words []uint64) uint64 {
	at := uint64(1)
	for range 4_000_000 {
		at = words[at&uint64(len(words)-1)] ^ at>>7
	}
	return at
}

func round(v float64) float64 { return math.Round(v*1000) / 1000 }
