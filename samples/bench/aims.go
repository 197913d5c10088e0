package main

import (
	"fmt"
	"io"
	"strings"
)

// aim is what a case should come to: a figure of the gateway over the same one
// of another proxy, in each round.
type aim struct {
	text   string
	cases  string // part of their names
	beside string
	figure func(*sample) float64
	most   float64 // the median
	upper  float64 // the upper end of its interval; 0 for any
}

func cpu(s *sample) float64       { return float64(s.cpu) / 1e3 }
func p50(s *sample) float64       { return float64(s.P50) }
func p99(s *sample) float64       { return float64(s.P99) }
func megabytes(s *sample) float64 { return float64(s.memory) / (1 << 20) }

const mostMemory = 32 // MB

var aims = []aim{
	{"GET with a limit: CPU at most 1.1 times nginx, upper end at most 1.25", "limit per client", "nginx", cpu, 1.1, 1.25},
	{"the same, at most 0.3 of ReverseProxy", "limit per client", "ReverseProxy", cpu, 0.3, 0},
	{"cached JWT, three tiers, access log: CPU at most 1.4 times nginx", "JWT", "nginx", cpu, 1.4, 0},
	{"POST of 10 KB: CPU at most 1.2 times nginx", "POST", "nginx", cpu, 1.2, 0},
	{"TLS 1.3: CPU at most 1.4 times nginx", "TLS", "nginx", cpu, 1.4, 0},
	{"one connection: p50 at most 1.2 times nginx", "one connection", "nginx", p50, 1.2, 0},
	{"1,000 connections: CPU as with 64", "1,000 connections", "nginx", cpu, 1.1, 1.25},
	{"p99 at half of the capacity: at most twice nginx", "half", "nginx", p99, 2, 0},
}

// printAims says beside each aim what was measured in each placement.
func printAims(out io.Writer, results []*result) {
	fmt.Fprintf(out, "\n| aim | %s | %s |\n|---|---|---|\n", placements[0].name, placements[1].name)
	for _, a := range aims {
		fmt.Fprintf(out, "| %s | %s | %s |\n", a.text, a.judge(find(results, a.cases, placements[0])), a.judge(find(results, a.cases, placements[1])))
	}
	fmt.Fprintf(out, "| at most %d MB resident under load | %s | %s |\n", mostMemory, judgeMemory(results, placements[0]), judgeMemory(results, placements[1]))
}

func find(results []*result, name string, p placement) *result {
	for _, r := range results {
		if r.placement == p && strings.Contains(r.workload.name, name) {
			return r
		}
	}
	return nil
}

const notMeasured = "not measured"

func (a aim) judge(r *result) string {
	if r == nil {
		return notMeasured
	}
	all := ratios(r.column("gateway", a.figure), r.column(a.beside, a.figure))
	_, high := interval(all)
	return withInterval(all) + ": " + verdict(median(all) <= a.most && (a.upper == 0 || high <= a.upper))
}

// judgeMemory takes the case that needs most.
func judgeMemory(results []*result, p placement) string {
	most, name := 0.0, ""
	for _, r := range results {
		if r.placement != p {
			continue
		}
		if mb := median(r.column("gateway", megabytes)); mb > most {
			most, name = mb, r.workload.name
		}
	}
	if most == 0 {
		return notMeasured
	}
	return fmt.Sprintf("%.1f (%s): %s", most, name, verdict(most <= mostMemory))
}

func verdict(held bool) string {
	if held {
		return "held"
	}
	return "missed"
}
