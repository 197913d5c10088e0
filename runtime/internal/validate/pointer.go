package validate

import (
	"strconv"
	"strings"
	"unicode"
)

// maxPointer bounds how much of the way to a value a message shows.
const maxPointer = 200

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

// pointer gives the current place as a JSON pointer in a URI fragment (RFC 6901
// section 6), for people: long names and deep ways are cut.
func (c *check) pointer() string {
	var b strings.Builder
	b.WriteByte('#')
	for _, s := range c.path {
		if b.Len() > maxPointer {
			b.WriteString("/...")
			break
		}
		b.WriteByte('/')
		if s.index >= 0 {
			b.WriteString(strconv.Itoa(s.index))
			continue
		}
		b.WriteString(escapePointer.Replace(clip(printable(string(c.text(&c.nodes[s.name]))))))
	}
	return b.String()
}

// printable replaces what may not be shown as it is: names come from whoever
// sent the body, and messages go to logs.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
