package pitwheel

import (
	"bufio"
	"io/fs"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// fallbackMemory is assumed where the system does not tell.
const fallbackMemory = 2 << 30

// maxBuffer bounds the records that are fetched and not processed, in bytes. More of them make nothing faster:
// brokers answer within milliseconds, and what waits long has left the processor's caches by its turn.
const maxBuffer = 64 << 20

// usableMemory is what the process may use, in bytes: the least of the machine's memory, the
// control group's limit and GOMEMLIMIT.
func usableMemory() int64 { return leastMemory(os.DirFS("/"), debug.SetMemoryLimit(-1)) }

// leastMemory is the least of limit and what the system's files say.
func leastMemory(system fs.FS, limit int64) int64 {
	for _, path := range []string{"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if data, err := fs.ReadFile(system, path); err == nil {
			// Without a limit it is the text "max".
			if n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil && n > 0 {
				limit = min(limit, n)
			}
		}
	}
	if n := machineMemory(system); n > 0 {
		limit = min(limit, n)
	}
	if limit == math.MaxInt64 {
		return fallbackMemory
	}
	return limit
}

// machineMemory reads Linux's /proc/meminfo; 0 where there is none.
func machineMemory(system fs.FS) int64 {
	f, err := system.Open("proc/meminfo")
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 3 && fields[0] == "MemTotal:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}
