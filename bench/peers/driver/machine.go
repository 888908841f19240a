package main

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// machine is what figures depend on, without the machine's name.
type machine struct {
	cores     int
	model     string
	cache     string
	memory    int64 // bytes
	kernel    string
	isVirtual bool
}

func thisMachine() (machine, error) {
	cpu, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return machine{}, err
	}
	memory, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return machine{}, err
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return machine{}, err
	}
	m := describe(string(cpu), string(memory), string(kernel))
	m.cores = runtime.NumCPU()
	return m, nil
}

// describe reads the texts of /proc/cpuinfo, /proc/meminfo and the kernel's release.
func describe(cpu, memory, kernel string) machine {
	m := machine{model: field(cpu, "model name"), cache: field(cpu, "cache size"), isVirtual: strings.Contains(field(cpu, "flags"), "hypervisor")}
	kb, _ := strconv.ParseInt(strings.TrimSuffix(field(memory, "MemTotal"), " kB"), 10, 64)
	m.memory = kb << 10
	m.kernel = leading.FindString(kernel)
	return m
}

// leading is the numbers that a kernel's release begins with: what follows may name a provider.
var leading = regexp.MustCompile(`^\d+\.\d+`)

// field is the first value of that name, of lines such as "name : value".
func field(text, name string) string {
	for text := range strings.Lines(text) {
		if at, value, ok := strings.Cut(text, ":"); ok && strings.TrimSpace(at) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (m machine) String() string {
	what := "machine"
	if m.isVirtual {
		what = "virtual machine"
	}
	return fmt.Sprintf("a %s with %d cores (%s, cache %s) and %d GiB of memory, Linux %s", what, m.cores, m.model, m.cache,
		(m.memory+1<<29)>>30, m.kernel)
}

var (
	marks    = regexp.MustCompile(`(?i)\((r|tm)\)|\bcpu\b|\bprocessor\b|\d+-core\b|@`)
	unworded = regexp.MustCompile(`[^a-z0-9.]+`)
)

// slug is the machine in a file's name.
func (m machine) slug() string {
	words := unworded.ReplaceAllString(strings.ToLower(marks.ReplaceAllString(m.model, " ")), "-")
	return strings.Trim(fmt.Sprintf("%d-core-%s", m.cores, strings.Trim(words, "-")), "-")
}
