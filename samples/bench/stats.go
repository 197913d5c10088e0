package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// median of at least one value.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	if n := len(s); n%2 == 1 {
		return s[n/2]
	} else {
		return (s[n/2-1] + s[n/2]) / 2
	}
}

// interval is where the median lies with 95 %: the bootstrap's, always the same
// for the same values.
func interval(values []float64) (low, high float64) {
	const draws = 4000
	rnd := rand.New(rand.NewPCG(1, 2))
	medians := make([]float64, draws)
	again := make([]float64, len(values))
	for i := range medians {
		for j := range again {
			again[j] = values[rnd.IntN(len(values))]
		}
		medians[i] = median(again)
	}
	slices.Sort(medians)
	return medians[draws*25/1000], medians[draws*975/1000-1]
}

// ratios divides pairwise.
func ratios(a, b []float64) []float64 {
	all := make([]float64, len(a))
	for i := range a {
		all[i] = a[i] / b[i]
	}
	return all
}

// withInterval prints a ratio's median and interval.
func withInterval(values []float64) string {
	low, high := interval(values)
	return fmt.Sprintf("%.2f (%.2f to %.2f)", median(values), low, high)
}

// withRange prints a median and the extremes.
func withRange(format string, values []float64) string {
	return fmt.Sprintf(format+" ("+format+" to "+format+")", median(values), slices.Min(values), slices.Max(values))
}
