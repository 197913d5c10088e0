package plan

import "strings"

const pathCharacters = "-._~!$&'()*+,;=:@/"

// shape is a template as the router compares it: without the names of its
// parameters, and with what may not stand in a path percent-encoded. Two
// templates of one shape match the same requests.
func shape(template string) string {
	var b strings.Builder
	for i := 0; i < len(template); i++ {
		switch c := template[i]; {
		case c == '{':
			name, _, _ := strings.Cut(template[i+1:], "}")
			i += len(name) + 1
			writeParameter(&b, name, i == len(template)-1)
		case c == '%' && i+2 < len(template) && isHex(template[i+1]) && isHex(template[i+2]):
			writeByte(&b, unhex(template[i+1])<<4|unhex(template[i+2]), false)
			i += 2
		default:
			writeByte(&b, c, true)
		}
	}
	return b.String()
}

// writeParameter: one that takes all that follows is another thing; of
// parameters with nothing between them the first takes it all.
func writeParameter(b *strings.Builder, name string, last bool) {
	switch soFar := b.String(); {
	case last && strings.HasSuffix(name, "+") && strings.HasSuffix(soFar, "/"):
		b.WriteString("{+}")
	case !strings.HasSuffix(soFar, "{}"):
		b.WriteString("{}")
	}
}

// writeByte writes a byte of a literal. One that was encoded stays so, unless
// it means the same without (RFC 3986 section 6.2.2.2).
func writeByte(b *strings.Builder, c byte, raw bool) {
	const hex = "0123456789ABCDEF"
	unreserved := isAlphanumeric(c) || strings.IndexByte("-._~", c) >= 0
	if unreserved || raw && strings.IndexByte(pathCharacters, c) >= 0 {
		b.WriteByte(c)
		return
	}
	b.Write([]byte{'%', hex[c>>4], hex[c&15]})
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
