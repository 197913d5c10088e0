package wire

import (
	"bytes"
	"encoding/binary"
)

// What a byte may be part of.
const (
	inToken = 1 << iota // RFC 9110 section 5.6.2
	inValue             // a field value: HTAB, SP, VCHAR, obs-text
	inPath
	inQuery
	inHost // reg-name or IPv4 address, RFC 3986 section 3.2.2
	inHex
)

var class = func() (t [256]uint8) {
	mark := func(bits uint8, chars string) {
		for i := range len(chars) {
			t[chars[i]] |= bits
		}
	}
	const digits = "0123456789"
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	mark(inToken|inPath|inQuery|inHost, digits+letters)
	mark(inToken, "!#$%&'*+-.^_`|~")
	mark(inHex, digits+"abcdefABCDEF")
	mark(inPath|inQuery|inHost, "-._~!$&'()*+,;=%")
	mark(inPath|inQuery, "/:@")
	mark(inQuery, "?")
	// Not in RFC 3986, yet browsers send them as they are (WHATWG URL), and a
	// query is passed on unread. In a path they are refused: the router, which
	// decides for both fronts, would have to take two forms for one resource.
	mark(inQuery, "[]^|{}\\`")
	mark(inValue, "\t")
	for c := ' '; c <= 0xff; c++ {
		if c != 0x7f {
			t[c] |= inValue
		}
	}
	return t
}()

// only tells whether every byte is of the class.
func only(b []byte, bits uint8) bool {
	for _, c := range b {
		if class[c]&bits == 0 {
			return false
		}
	}
	return true
}

// validValue tells whether b can be a field value. Eight bytes at a time, as
// this is where a parser spends its time.
func validValue(b []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for len(b) >= 8 {
		x := binary.LittleEndian.Uint64(b)
		del := x ^ 0x7f*ones
		if ((x-0x20*ones)&^x|(del-ones)&^del)&tops != 0 && !only(b[:8], inValue) {
			return false
		}
		b = b[8:]
	}
	return only(b, inValue)
}

// validHost checks uri-host [ ":" port ] (RFC 9110 section 7.2). An empty host
// names nothing.
func validHost(b []byte) bool {
	if len(b) == 0 || b[0] != '[' {
		name, port, _ := bytes.Cut(b, []byte(":"))
		return len(name) > 0 && only(name, inHost) && validEscapes(name) && validPort(port)
	}
	end := 1
	for end < len(b) && (class[b[end]]&inHex != 0 || b[end] == ':' || b[end] == '.') {
		end++
	}
	if end < 3 || end == len(b) || b[end] != ']' {
		return false
	}
	port := b[end+1:]
	return len(port) == 0 || port[0] == ':' && validPort(port[1:])
}

// validPort takes an empty one, which stands for the scheme's default.
func validPort(b []byte) bool {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
		if n = n*10 + int(c-'0'); n > 65535 {
			return false
		}
	}
	return true
}

// validEscapes tells whether each percent sign starts an escape, and none of
// them hides a NUL.
func validEscapes(b []byte) bool {
	for i := 0; i < len(b); i++ {
		if b[i] != '%' {
			continue
		}
		if i+2 >= len(b) || class[b[i+1]]&class[b[i+2]]&inHex == 0 {
			return false
		}
		if b[i+1] == '0' && b[i+2] == '0' {
			return false
		}
		i += 2
	}
	return true
}

// foldEqual compares ASCII without case; lower is in lower case.
func foldEqual(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
