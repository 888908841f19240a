package pitwheel_test

import (
	"maps"
	"os"
	"strings"
	"testing"
)

// listening are the sockets that this process listens on, or takes packets on.
func listening(t *testing.T) map[string]string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("there is no /proc: ", err)
	}
	mine := map[string]bool{}
	for _, e := range entries {
		if link, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			mine[link] = true
		}
	}
	// Where the state and the inode stand in a line, and which state means that a socket is open to others.
	found := map[string]string{}
	for _, table := range []struct {
		file         string
		state, inode int
		open         string
	}{
		{"tcp", 3, 9, "0A"}, {"tcp6", 3, 9, "0A"}, {"udp", 3, 9, "07"}, {"udp6", 3, 9, "07"},
		{"unix", 3, 6, "00010000"},
	} {
		text, err := os.ReadFile("/proc/self/net/" + table.file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) > table.inode && fields[table.state] == table.open && mine["socket:["+fields[table.inode]+"]"] {
				found["socket:["+fields[table.inode]+"]"] = table.file + " " + strings.TrimSpace(line)
			}
		}
	}
	return found
}

// TestAppListensOnNothing compares what the process listens on before and while an app runs: only the
// embedded Kafka's.
func TestAppListensOnNothing(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	before := listening(t)
	if len(before) == 0 {
		t.Fatal("not even the embedded Kafka's socket was found")
	}
	b.produce("words", 10, func(int) (string, string) { return "k", "w" })
	app, stop := start(t, wordCounts(t), b.config(t))
	await(t, "the records to be counted", func() bool { return app.Metrics().Processed == 20 })
	during := listening(t)
	maps.DeleteFunc(during, func(socket, _ string) bool { return before[socket] != "" })
	for _, line := range during {
		t.Errorf("the app listens: %s", line)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
