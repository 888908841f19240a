package main

import (
	"fmt"
	"math"
	"strings"
)

// The picture: two plots side by side, with the number of keys or partitions to the right, each step ten times or twice the one
// before, and CPU-ns upwards from 0.
const (
	plotWidth, plotHeight = 360, 240
	left, top, between    = 60, 40, 80
)

func draw(points []point) string {
	most := 0.0
	for _, p := range points {
		most = max(most, p.figure(cost))
	}
	scale := roundUp(most)
	var w strings.Builder
	fmt.Fprintf(&w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n",
		left+2*plotWidth+between+20, top+plotHeight+50)
	fmt.Fprintf(&w, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	for i, of := range []string{"keys", "partitions"} {
		plot(&w, left+i*(plotWidth+between), of, series(points, of), scale)
	}
	w.WriteString("</svg>\n")
	return w.String()
}

// plot draws one curve whose axes begin at x.
func plot(w *strings.Builder, x int, of string, s []point, scale float64) {
	fmt.Fprintf(w, `<text x="%d" y="%d" font-weight="bold">CPU-ns a record by %s</text>`+"\n", x, top-16, of)
	for i := range 5 {
		y := top + plotHeight - plotHeight*i/4
		fmt.Fprintf(w, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#ddd"/>`, x, y, x+plotWidth, y)
		fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="end">%.0f</text>`+"\n", x-6, y+4, scale*float64(i)/4)
	}
	var line []string
	for _, p := range s {
		at := float64(x) + 10 + along(s, p.n)*(plotWidth-20)
		y := top + plotHeight*(1-p.figure(cost)/scale)
		line = append(line, fmt.Sprintf("%.1f,%.1f", at, y))
		fmt.Fprintf(w, `<circle cx="%.1f" cy="%.1f" r="3" fill="#1565c0"/>`, at, y)
		fmt.Fprintf(w, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", at, top+plotHeight+18, short(p.n))
	}
	fmt.Fprintf(w, `<polyline points="%s" fill="none" stroke="#1565c0" stroke-width="2"/>`+"\n", strings.Join(line, " "))
}

// along is where n stands between the first (0) and the last (1) of a series, by its logarithm.
func along(s []point, n int) float64 {
	first, last := math.Log(float64(s[0].n)), math.Log(float64(s[len(s)-1].n))
	if first == last {
		return 0
	}
	return (math.Log(float64(n)) - first) / (last - first)
}

// roundUp is a bound of the axis, which quarters well.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	step := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 4, 6, 8, 10} {
		if v <= m*step {
			return m * step
		}
	}
	return 10 * step
}

func short(n int) string {
	switch {
	case n >= 1_000_000:
		return fmt.Sprintf("%d M", n/1_000_000)
	case n >= 1000:
		return fmt.Sprintf("%d K", n/1000)
	}
	return fmt.Sprint(n)
}
