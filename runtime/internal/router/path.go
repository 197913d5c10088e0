package router

// What the bytes of a raw path mean to the router.
const (
	plain     byte = iota // pchar of RFC 3986 section 3.3 that stands for itself
	forbidden             // must not stand in a path at all
	slash
	percent
)

var classes = func() (table [256]byte) {
	for c := range table {
		table[c] = forbidden
		if unreserved(byte(c)) {
			table[c] = plain
		}
	}
	for _, c := range "!$&'()*+,;=:@" {
		table[c] = plain
	}
	table['/'], table['%'] = slash, percent
	return table
}()

// unreserved tells characters that mean the same with and without
// percent-encoding (RFC 3986 section 2.3). Of all others the encoded form is
// another resource.
func unreserved(c byte) bool {
	return c-'a' < 26 || c-'A' < 26 || c-'0' < 10 || c == '-' || c == '.' || c == '_' || c == '~'
}

// checkPath tells whether a raw path can be read in one way only, and whether
// it holds percent-encoding. It refuses what RFC 3986 does not allow in a
// path, an encoded NUL, and dot segments in any disguise (design section 4).
func checkPath(path []byte) (ok, encoded bool) {
	if len(path) == 0 || path[0] != '/' {
		return false, false
	}
	for i := 0; i < len(path); i++ {
		class := classes[path[i]]
		if class == plain {
			continue
		}
		switch class {
		case forbidden:
			return false, encoded
		case slash:
			if dotSegment(path[i+1:]) {
				return false, encoded
			}
		case percent:
			encoded = true
			if c, ok := escape(path[i:]); !ok || c == 0 {
				return false, true
			}
			// To a backend that decodes first, %2F and %5C separate segments.
			if c, n := deepByte(path[i:]); (c == '/' || c == '\\') && dotSegment(path[i+n:]) {
				return false, true
			}
		}
	}
	return true, encoded
}

// dotSegment tells whether a path goes on with "." or "..", encoded once or
// more, alone or followed by parameters.
func dotSegment(rest []byte) bool {
	if len(rest) == 0 || rest[0] != '.' && rest[0] != '%' {
		return false
	}
	for dots := range 3 {
		if len(rest) == 0 {
			return dots > 0
		}
		c, n := deepByte(rest)
		switch c {
		case '.':
			rest = rest[n:]
		case '/', '\\', ';':
			return dots > 0
		default:
			return false
		}
	}
	return false
}

// deepByte gives the byte that a path goes on with when it is decoded until
// nothing changes, and how long it stands there. %252E is a dot to a backend
// behind another proxy.
func deepByte(rest []byte) (c byte, n int) {
	if rest[0] != '%' {
		return rest[0], 1
	}
	n = 1
	for len(rest) >= n+4 && rest[n] == '2' && rest[n+1] == '5' {
		n += 2
	}
	if len(rest) < n+2 {
		return '%', 1
	}
	high, low := hexValue(rest[n]), hexValue(rest[n+1])
	if high > 15 || low > 15 {
		return '%', 1
	}
	return high<<4 | low, n + 2
}

// escape decodes the percent-encoding that s starts with.
func escape[T string | []byte](s T) (c byte, ok bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	high, low := hexValue(s[1]), hexValue(s[2])
	return high<<4 | low, high < 16 && low < 16
}

func hexValue(c byte) byte {
	switch {
	case c-'0' < 10:
		return c - '0'
	case c|0x20-'a' < 6:
		return c | 0x20 - 'a' + 10
	}
	return 0xFF
}

// validQuery refuses only what would end or split the request line. The rest
// is the backend's to understand: real clients send bytes and escapes that RFC
// 3986 does not allow.
func validQuery(query []byte) bool {
	for _, c := range query {
		if c <= ' ' || c == 0x7F || c == '#' {
			return false
		}
	}
	return true
}

// appendNormal appends a segment in the one form in which literals are
// compared: encoded unreserved characters decoded, hex digits in upper case,
// everything else as it is. Two resources that differ stay different.
func appendNormal[T string | []byte](b []byte, segment T) []byte {
	for i := 0; i < len(segment); i++ {
		if c, ok := escape(segment[i:]); ok {
			if unreserved(c) {
				b = append(b, c)
			} else {
				b = appendEscaped(b, c)
			}
			i += 2
			continue
		}
		b = append(b, segment[i])
	}
	return b
}

func appendEscaped(b []byte, c byte) []byte {
	const hex = "0123456789ABCDEF"
	return append(b, '%', hex[c>>4], hex[c&15])
}
