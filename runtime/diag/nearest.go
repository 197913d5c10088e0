package diag

import "strings"

// Nearest gives the known word that a mistyped one most likely meant: equal
// but for case, or within a third of its length in edits.
func Nearest(word string, known []string) (string, bool) {
	best, bestDistance := "", len(word)/3+1
	for _, k := range known {
		if strings.EqualFold(k, word) {
			return k, true
		}
		if abs(len(word)-len(k)) >= bestDistance {
			continue // at least as many edits
		}
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best, best != ""
}

func abs(n int) int { return max(n, -n) }

// DidYouMean gives a hint naming the nearest known word, or "".
func DidYouMean(word string, known []string) string {
	if k, ok := Nearest(word, known); ok {
		return `did you mean "` + k + `"?`
	}
	return ""
}

// distance counts insertions, deletions, replacements and swaps of neighbours
// (optimal string alignment) between two words.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
