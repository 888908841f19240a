// Command scale reads the output of the benchmarks BenchmarkKeys, BenchmarkPartitions, BenchmarkIdle and
// BenchmarkIdleInMemory, prints their figures as tables and draws those of the first two as one picture:
//
//	PITWHEEL_SCALE=1 go test -run NONE -bench 'Keys|Partitions|Idle' ./bench | go run ./bench/scale -svg docs/benchmarks/scale.svg
//
// `make bench-scale` does that.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	svg := flag.String("svg", "", "the picture to write; default: none")
	flag.Parse()
	if err := run(os.Stdin, *svg); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, svg string) error {
	points, err := read(in)
	if err != nil {
		return err
	}
	fmt.Print(tables(points))
	if svg == "" {
		return nil
	}
	return os.WriteFile(svg, []byte(draw(points)), 0o644)
}

// point is one line of a benchmark: what was varied, and what was measured by unit, the median of repeated lines.
type point struct {
	of      string // keys, partitions, tasks or tasks-in-memory
	n       int
	figures map[string][]float64
}

var result = regexp.MustCompile(`^Benchmark\w+/(keys|partitions|tasks|tasks-in-memory)=(\d+)(?:-\d+)?\s+\d+\s+(.*)$`)

func read(in io.Reader) ([]point, error) {
	var points []point
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		m := result.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		n, err := strconv.Atoi(m[2])
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(points, func(p point) bool { return p.of == m[1] && p.n == n })
		if at < 0 {
			at = len(points)
			points = append(points, point{of: m[1], n: n, figures: map[string][]float64{}})
		}
		pairs := strings.Fields(m[3])
		for i := 0; i+1 < len(pairs); i += 2 {
			v, err := strconv.ParseFloat(pairs[i], 64)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", lines.Text(), err)
			}
			points[at].figures[pairs[i+1]] = append(points[at].figures[pairs[i+1]], v)
		}
	}
	if len(points) == 0 {
		return nil, errors.New("no benchmark of keys, partitions or tasks in the input")
	}
	return points, lines.Err()
}

// figure is the median of a unit's values; 0: none.
func (p *point) figure(unit string) float64 {
	v := slices.Sorted(slices.Values(p.figures[unit]))
	if len(v) == 0 {
		return 0
	}
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// series are the points of one kind, in order.
func series(points []point, of string) []point {
	var s []point
	for _, p := range points {
		if p.of == of {
			s = append(s, p)
		}
	}
	slices.SortFunc(s, func(a, b point) int { return a.n - b.n })
	return s
}

const cost = "cpu-ns/record"

// tables are those of costs, each with the ratio to its first row, and those of idle tasks.
func tables(points []point) string {
	var w strings.Builder
	for _, of := range []string{"keys", "partitions"} {
		s := series(points, of)
		if len(s) == 0 {
			continue
		}
		fmt.Fprintf(&w, "| %s | CPU-ns a record | of the first |\n|---|---|---|\n", of)
		for _, p := range s {
			fmt.Fprintf(&w, "| %d | %.0f | %.2f |\n", p.n, p.figure(cost), p.figure(cost)/s[0].figure(cost))
		}
		w.WriteByte('\n')
	}
	for _, of := range []string{"tasks", "tasks-in-memory"} {
		s := series(points, of)
		if len(s) == 0 {
			continue
		}
		fmt.Fprintf(&w, "| %s | first start ms | restart ms | RSS a task KiB | goroutines a task |\n|---|---|---|---|---|\n", of)
		for _, p := range s {
			fmt.Fprintf(&w, "| %d | %.0f | %.0f | %.0f | %.1f |\n", p.n, p.figure("start-ms"), p.figure("restart-ms"),
				p.figure("rss-KiB/task"), p.figure("goroutines/task"))
		}
		w.WriteByte('\n')
	}
	return w.String()
}
