package pitwheel

import (
	"math"
	"testing"
	"testing/fstest"
)

func TestUsableMemoryIsTheLeastOfAllLimits(t *testing.T) {
	const gib = int64(1) << 30
	meminfo := "MemFree:         1 kB\nMemTotal:       16777216 kB\nBuffers:         1 kB\n"
	tests := []struct {
		name  string
		files map[string]string
		limit int64 // GOMEMLIMIT
		want  int64
	}{
		{"nothing is told", nil, math.MaxInt64, 2 * gib},
		{"GOMEMLIMIT alone", nil, 3 * gib, 3 * gib},
		{"the machine", map[string]string{"proc/meminfo": meminfo}, math.MaxInt64, 16 * gib},
		{"control group", map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "4294967296\n"}, math.MaxInt64, 4 * gib},
		{"control group without a limit", map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "max\n"}, math.MaxInt64, 16 * gib},
		{"version 1", map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n"}, math.MaxInt64, gib},
		{"version 1 without a limit", map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, math.MaxInt64, 16 * gib},
		{"GOMEMLIMIT below all", map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "4294967296"}, gib, gib},
		{"the machine below the control group", map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "1099511627776"}, math.MaxInt64, 16 * gib},
		{"no numbers", map[string]string{"proc/meminfo": "MemTotal: lots kB\n", "sys/fs/cgroup/memory.max": "0x10"}, math.MaxInt64, 2 * gib},
		{"a limit of nothing", map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "0"}, math.MaxInt64, 16 * gib},
		{"no total", map[string]string{"proc/meminfo": "MemFree: 1 kB\n"}, math.MaxInt64, 2 * gib},
		{"empty files", map[string]string{"proc/meminfo": "", "sys/fs/cgroup/memory.max": ""}, math.MaxInt64, 2 * gib},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			system := fstest.MapFS{}
			for name, text := range tt.files {
				system[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := leastMemory(system, tt.limit); got != tt.want {
				t.Errorf("%d bytes, want %d", got, tt.want)
			}
		})
	}
}

func TestThisMachineHasMemory(t *testing.T) {
	if got := usableMemory(); got < 64<<20 {
		t.Errorf("usable are %d bytes", got)
	}
}
