package cli

import (
	"strings"
	"text/tabwriter"
	"unicode"
)

// table prints rows in columns. What comes from users' files cannot move the
// cursor or change colours.
func (p printer) table(head []string, rows [][]string) error {
	w := tabwriter.NewWriter(p, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		line := strings.TrimRight(strings.Join(cells(row), "\t"), "\t")
		if _, err := w.Write([]byte(line + "\n")); err != nil {
			return err
		}
	}
	return w.Flush()
}

func cells(row []string) []string {
	out := make([]string, len(row))
	for i, text := range row {
		out[i] = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return unicode.ReplacementChar
			}
			return r
		}, text)
		if text == "" {
			out[i] = "-"
		}
	}
	return out
}
