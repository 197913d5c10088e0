package fronttest

import "strings"

// RawRequest is what a client may send, byte by byte, and what must come of it:
// Want is what is passed on (method, path, query, host, body), or Status what
// refuses it.
type RawRequest struct {
	Name   string
	Send   string
	Want   string
	Status int
}

// HeadRefused tells whether nothing at all of a request may be passed on: those
// whose body is at fault have begun to be when that is seen.
func (r RawRequest) HeadRefused() bool {
	return r.Status != 0 && !strings.HasPrefix(r.Send, chunks(""))
}

// get is a request with more field lines.
func rawGet(lines ...string) string {
	return "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// chunks is a chunked request with that body, framing included.
func chunks(body string) string {
	return "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body
}

func rawLine(requestLine string) string { return requestLine + "\r\nHost: a\r\n\r\n" }

const seenGet = "GET / ? a []"

// RawRequests are what RFC 9112 calls valid, invalid or ambiguous, and what
// parsers differ about.
var RawRequests = []RawRequest{
	// Request lines, RFC 9112 section 3.
	{"plain", rawGet("X: 1"), seenGet, 0},
	{"one empty line first", "\r\n" + rawGet("X: 1"), seenGet, 0},
	{"two empty lines first", "\r\n\r\n" + rawGet("X: 1"), "", 400},
	{"bare LF first", "\n" + rawGet("X: 1"), "", 400},
	{"space first", " " + rawGet("X: 1"), "", 400},
	{"no version", "GET /\r\n\r\n", "", 400},
	{"no version, fields", "GET /\r\nHost: a\r\n\r\n", "", 400},
	{"method alone", "GET\r\n\r\n", "", 400},
	{"two spaces after the method", rawLine("GET  / HTTP/1.1"), "", 400},
	{"two spaces before the version", rawLine("GET /  HTTP/1.1"), "", 400},
	{"tab after the method", rawLine("GET\t/ HTTP/1.1"), "", 400},
	{"tab before the version", rawLine("GET /\tHTTP/1.1"), "", 400},
	{"space after the version", rawLine("GET / HTTP/1.1 "), "", 400},
	{"space in the target", rawLine("GET /a b HTTP/1.1"), "", 400},
	{"vertical tab in the target", rawLine("GET /a\vb HTTP/1.1"), "", 400},
	{"form feed between", rawLine("GET\f/ HTTP/1.1"), "", 400},
	{"bare CR in the line", rawLine("GET /\rHTTP/1.1"), "", 400},
	{"bare CR at the end", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "", 400},
	{"bare LF at the end", "GET / HTTP/1.1\nHost: a\r\n\r\n", "", 400},
	{"NUL in the target", rawLine("GET /\x00 HTTP/1.1"), "", 400},
	{"DEL in the target", rawLine("GET /\x7f HTTP/1.1"), "", 400},
	{"raw UTF-8 in the target", rawLine("GET /é HTTP/1.1"), "", 400},
	{"fragment", rawLine("GET /a#b HTTP/1.1"), "", 400},
	{"fragment in the query", rawLine("GET /a?b#c HTTP/1.1"), "", 400},
	{"quote in the target", rawLine(`GET /" HTTP/1.1`), "", 400},
	{"angle bracket in the target", rawLine("GET /<a> HTTP/1.1"), "", 400},
	{"backslash in the path", rawLine(`GET /a\..\b HTTP/1.1`), "", 400},
	{"backslash in the query", rawLine(`GET /?a\b HTTP/1.1`), `GET / a\b a []`, 0},
	{"brackets in the query, as browsers send them", rawLine("GET /a?f[]={x}|y^z HTTP/1.1"), "GET /a f[]={x}|y^z a []", 0},
	{"brackets in the path", rawLine("GET /a[1] HTTP/1.1"), "", 400},
	{"bar in the path", rawLine("GET /a|b HTTP/1.1"), "", 400},
	{"braces in the path", rawLine("GET /{a} HTTP/1.1"), "", 400},
	{"semicolon and bad escape in the query", rawLine("GET /?a=1;b=%zz&c HTTP/1.1"), "GET / a=1;b=%zz&c a []", 0},
	{"two question marks", rawLine("GET /?a?b HTTP/1.1"), "GET / a?b a []", 0},
	{"empty query", rawLine("GET /? HTTP/1.1"), "GET /  a []", 0},
	{"escapes stay", rawLine("GET /a%2Fb%20c HTTP/1.1"), "GET /a%2Fb%20c ? a []", 0},
	{"empty segments stay", rawLine("GET //a///b HTTP/1.1"), "GET //a///b ? a []", 0},
	{"bad escape in the path", rawLine("GET /%zz HTTP/1.1"), "", 400},
	{"half an escape", rawLine("GET /a% HTTP/1.1"), "", 400},
	{"less than half an escape", rawLine("GET /a%2 HTTP/1.1"), "", 400},
	{"escaped NUL", rawLine("GET /a%00 HTTP/1.1"), "", 400},
	{"target without slash", rawLine("GET a HTTP/1.1"), "", 400},
	{"authority as target", rawLine("GET a:80 HTTP/1.1"), "", 400},
	{"asterisk with GET", rawLine("GET * HTTP/1.1"), "", 400},
	{"CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", "", 501},
	{"unknown method", rawLine("PURGE / HTTP/1.1"), "PURGE / ? a []", 0},
	{"method in lower case", rawLine("get / HTTP/1.1"), "get / ? a []", 0},
	{"method with a separator", rawLine("GE(T / HTTP/1.1"), "", 400},
	{"method with a NUL", rawLine("GE\x00T / HTTP/1.1"), "", 400},
	{"method of UTF-8", rawLine("GÉT / HTTP/1.1"), "", 400},
	{"method too long", rawLine(strings.Repeat("M", 33) + " / HTTP/1.1"), "", 400},
	{"target too long", rawLine("GET /" + strings.Repeat("a", 4096) + " HTTP/1.1"), "", 414},
	{"target without end", "GET /" + strings.Repeat("a", 5000), "", 414},

	// Versions.
	{"HTTP/2.0", rawLine("GET / HTTP/2.0"), "", 505},
	{"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", 505},
	{"HTTP/1.2", rawLine("GET / HTTP/1.2"), "", 505},
	{"HTTP/0.9 spelled out", rawLine("GET / HTTP/0.9"), "", 505},
	{"HTTP/3.0", rawLine("GET / HTTP/3.0"), "", 505},
	{"version in lower case", rawLine("GET / http/1.1"), "", 400},
	{"version with more digits", rawLine("GET / HTTP/1.10"), "", 400},
	{"version with leading zero", rawLine("GET / HTTP/01.1"), "", 400},
	{"version with a sign", rawLine("GET / HTTP/+1.1"), "", 400},
	{"version without minor", rawLine("GET / HTTP/1"), "", 400},
	{"version with comma", rawLine("GET / HTTP/1,1"), "", 400},
	{"another protocol", rawLine("GET / ICAP/1.0"), "", 400},

	// Host and absolute-form, sections 3.2 and 3.3.
	{"no Host", "GET / HTTP/1.1\r\nX: 1\r\n\r\n", "", 400},
	{"no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "GET / ?  []", 0},
	{"two equal Hosts", rawGet("Host: a"), "", 400},
	{"two Hosts", rawGet("Host: b"), "", 400},
	{"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "", 400},
	{"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "", 400},
	{"Host of white space", "GET / HTTP/1.1\r\nHost: \t\r\n\r\n", "", 400},
	{"Host with port", "GET / HTTP/1.1\r\nHost: a.b:8080\r\n\r\n", "GET / ? a.b:8080 []", 0},
	{"Host of IPv6", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / ? [::1]:80 []", 0},
	{"Host of IPv6 without end", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "", 400},
	{"Host with a zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", "", 400},
	{"Host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "", 400},
	{"Host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "", 400},
	{"Host with space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "", 400},
	{"Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "", 400},
	{"Host with large port", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "", 400},
	{"Host with word as port", "GET / HTTP/1.1\r\nHost: a:http\r\n\r\n", "", 400},
	{"Host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", "", 400},
	{"Host with quote", "GET / HTTP/1.1\r\nHost: a\"b\r\n\r\n", "", 400},
	{"Host with UTF-8", "GET / HTTP/1.1\r\nHost: é\r\n\r\n", "", 400},
	{"absolute-form", "GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n", "GET /b c a []", 0},
	{"absolute-form in other case", "GET HTTP://A.B/b HTTP/1.1\r\nHost: a.b\r\n\r\n", "GET /b ? A.B []", 0},
	{"absolute-form without path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", seenGet, 0},
	{"absolute-form of a query", "GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n", "GET / b a []", 0},
	{"absolute-form contradicts Host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "", 400},
	{"absolute-form contradicts the port", "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n", "", 400},
	{"absolute-form without Host", "GET http://a/ HTTP/1.1\r\n\r\n", "", 400},
	{"absolute-form with user", "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", "", 400},
	{"absolute-form without authority", "GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n", "", 400},
	{"absolute-form of another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "", 400},
	{"absolute-form of https on plaintext", "GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "", 400},

	// Field lines, section 5.
	{"empty value", rawGet("X:"), seenGet, 0},
	{"no space before the value", rawGet("X:1"), seenGet, 0},
	{"white space around the value", rawGet("X: \t 1 \t "), seenGet, 0},
	{"obs-text in a value", rawGet("X: \xe9\xff"), seenGet, 0},
	{"space before the colon", rawGet("X : 1"), "", 400},
	{"tab before the colon", rawGet("X\t: 1"), "", 400},
	{"no colon", rawGet("X"), "", 400},
	{"no name", rawGet(": 1"), "", 400},
	{"colon alone", rawGet(":"), "", 400},
	{"folded value", rawGet("X: 1", " 2"), "", 400},
	{"folded by a tab", rawGet("X: 1", "\t2"), "", 400},
	{"first field folded", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "", 400},
	{"line of a space", rawGet("X: 1", " "), "", 400},
	{"bare CR in a value", rawGet("X: 1\r2"), "", 400},
	{"bare CR hides a field", rawGet("X: 1\rContent-Length: 5"), "", 400},
	{"bare LF after a value", "GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n", "", 400},
	{"bare LF ends the head", "GET / HTTP/1.1\r\nHost: a\r\n\n", "", 400},
	{"NUL in a value", rawGet("X: a\x00b"), "", 400},
	{"NUL in a long value", rawGet("X: 0123456789abcdef\x000123456789"), "", 400},
	{"control in a value", rawGet("X: a\x01b"), "", 400},
	{"DEL in a value", rawGet("X: a\x7fb"), "", 400},
	{"escape in a value", rawGet("X: 01234567\x1b[31m"), "", 400},
	{"NUL in a name", rawGet("X\x00: 1"), "", 400},
	{"space in a name", rawGet("X Y: 1"), "", 400},
	{"UTF-8 in a name", rawGet("Xé: 1"), "", 400},
	{"separator in a name", rawGet("X(: 1"), "", 400},
	{"quote in a name", rawGet(`"X": 1`), "", 400},
	{"CR in a name", rawGet("X\r: 1"), "", 400},
	{"odd but allowed name", rawGet("!#$%&'*+-.^_`|~: 1"), seenGet, 0},
	{"too many fields", rawGet(strings.TrimSuffix(strings.Repeat("X: 1\r\n", 100), "\r\n")), "", 431},
	{"field too large", rawGet("X: " + strings.Repeat("a", 9000)), "", 431},
	{"head without end", "GET / HTTP/1.1\r\nX: " + strings.Repeat("a", 9000), "", 431},
	{"head too large in sum", rawGet(strings.TrimSuffix(strings.Repeat("X: "+strings.Repeat("a", 95)+"\r\n", 90), "\r\n")), "", 431},

	// Content-Length, section 6.2.
	{"length", rawGet("Content-Length: 3") + "abc", "GET / ? a [abc]", 0},
	{"length of zero", rawGet("Content-Length: 0"), seenGet, 0},
	{"length with zeros first", rawGet("Content-Length: 003") + "abc", "GET / ? a [abc]", 0},
	{"length with plus", rawGet("Content-Length: +3") + "abc", "", 400},
	{"length with minus", rawGet("Content-Length: -3") + "abc", "", 400},
	{"length in hex", rawGet("Content-Length: 0x3") + "abc", "", 400},
	{"length with underscore", rawGet("Content-Length: 1_0") + "0123456789", "", 400},
	{"length with space inside", rawGet("Content-Length: 1 0") + "0123456789", "", 400},
	{"length with fraction", rawGet("Content-Length: 3.0") + "abc", "", 400},
	{"length with exponent", rawGet("Content-Length: 1e1") + "0123456789", "", 400},
	{"length empty", rawGet("Content-Length:") + "abc", "", 400},
	{"length too large", rawGet("Content-Length: 9223372036854775808"), "", 400},
	{"length far too large", rawGet("Content-Length: 99999999999999999999999"), "", 400},
	{"length of other digits", rawGet("Content-Length: ٣") + "abc", "", 400},
	{"lengths repeated", rawGet("Content-Length: 3", "Content-Length: 3") + "abc", "", 400},
	{"lengths differing", rawGet("Content-Length: 3", "Content-Length: 5") + "abcde", "", 400},
	{"lengths in a list", rawGet("Content-Length: 3, 3") + "abc", "", 400},
	{"length with comma", rawGet("Content-Length: 3,") + "abc", "", 400},
	{"length above the limit", rawGet("Content-Length: 1000001"), "", 413},
	{"length with underscore in the name", rawGet("Content_Length: 3") + "", seenGet, 0},

	// Transfer-Encoding, section 6.1.
	{"chunked", chunks("3\r\nabc\r\n0\r\n\r\n"), "POST /c ? a [abc]", 0},
	{"chunked in other case", rawGet("Transfer-Encoding: CHUNKed") + "0\r\n\r\n", seenGet, 0},
	{"both framings", rawGet("Content-Length: 3", "Transfer-Encoding: chunked") + "0\r\n\r\n", "", 400},
	{"both framings, other order", rawGet("Transfer-Encoding: chunked", "Content-Length: 3") + "0\r\n\r\n", "", 400},
	{"both framings, length of zero", rawGet("Content-Length: 0", "Transfer-Encoding: chunked") + "0\r\n\r\n", "", 400},
	{"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", 400},
	{"chunked twice", rawGet("Transfer-Encoding: chunked, chunked") + "0\r\n\r\n", "", 400},
	{"chunked in two fields", rawGet("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + "0\r\n\r\n", "", 400},
	{"two fields", rawGet("Transfer-Encoding: gzip", "Transfer-Encoding: chunked") + "0\r\n\r\n", "", 501},
	{"chunked not last", rawGet("Transfer-Encoding: chunked, gzip") + "0\r\n\r\n", "", 400},
	{"gzip before chunked", rawGet("Transfer-Encoding: gzip, chunked") + "0\r\n\r\n", "", 501},
	{"unknown coding", rawGet("Transfer-Encoding: xchunked") + "0\r\n\r\n", "", 501},
	{"identity", rawGet("Transfer-Encoding: identity"), "", 501},
	{"identity and length", rawGet("Transfer-Encoding: identity", "Content-Length: 3") + "abc", "", 501},
	{"coding empty", rawGet("Transfer-Encoding:") + "0\r\n\r\n", "", 400},
	{"coding with parameter", rawGet("Transfer-Encoding: chunked;q=1") + "0\r\n\r\n", "", 400},
	{"coding in quotes", rawGet(`Transfer-Encoding: "chunked"`) + "0\r\n\r\n", "", 400},
	{"coding with comma", rawGet("Transfer-Encoding: chunked,") + "0\r\n\r\n", "", 400},
	{"coding with comma first", rawGet("Transfer-Encoding: ,chunked") + "0\r\n\r\n", "", 400},
	{"coding behind a vertical tab", rawGet("Transfer-Encoding: \vchunked") + "0\r\n\r\n", "", 400},
	{"coding behind NUL", rawGet("Transfer-Encoding: chunked\x00") + "0\r\n\r\n", "", 400},
	{"coding folded", rawGet("Transfer-Encoding:", " chunked") + "0\r\n\r\n", "", 400},
	{"coding before a colon with space", rawGet("Transfer-Encoding : chunked") + "0\r\n\r\n", "", 400},

	// Chunks, section 7.1.
	{"no chunk", chunks("0\r\n\r\n"), "POST /c ? a []", 0},
	{"chunk sizes in hex", chunks("A\r\n0123456789\r\n00b\r\n0123456789a\r\n000\r\n\r\n"), "POST /c ? a [01234567890123456789a]", 0},
	{"extensions", chunks("3;a=b;c=\"d\"\r\nabc\r\n0; x\r\n\r\n"), "POST /c ? a [abc]", 0},
	{"extension behind white space", chunks("3 ;a\r\nabc\r\n0\r\n\r\n"), "", 400},
	{"trailers", chunks("1\r\na\r\n0\r\nX-T: 1\r\n\r\n"), "POST /c ? a [a]", 0},
	{"size with plus", chunks("+3\r\nabc\r\n0\r\n\r\n"), "", 400},
	{"size with minus", chunks("-3\r\nabc\r\n0\r\n\r\n"), "", 400},
	{"size with prefix", chunks("0x3\r\nabc\r\n0\r\n\r\n"), "", 400},
	{"size with underscore", chunks("1_0\r\n0123456789abcdef\r\n0\r\n\r\n"), "", 400},
	{"size with space first", chunks(" 3\r\nabc\r\n0\r\n\r\n"), "", 400},
	{"size with space behind", chunks("3 \r\nabc\r\n0\r\n\r\n"), "", 400},
	{"size with tab behind", chunks("3\t\r\nabc\r\n0\r\n\r\n"), "", 400},
	{"size empty", chunks("\r\nabc\r\n0\r\n\r\n"), "", 400},
	{"size of extension alone", chunks(";a\r\nabc\r\n0\r\n\r\n"), "", 400},
	{"size of 64 bits", chunks("10000000000000003\r\nabc\r\n0\r\n\r\n"), "", 400},
	{"size that is negative as int64", chunks("ffffffffffffffff\r\nabc\r\n0\r\n\r\n"), "", 400},
	{"size ends in bare LF", chunks("3\nabc\r\n0\r\n\r\n"), "", 400},
	{"size ends in bare CR", chunks("3\rabc\r\n0\r\n\r\n"), "", 400},
	{"size ends in two CR", chunks("3\r\r\nabc\r\n0\r\n\r\n"), "", 400},
	{"extension with bare CR", chunks("3;a\rb\r\nabc\r\n0\r\n\r\n"), "", 400},
	{"extension with bare LF", chunks("3;a\nabc\r\n0\r\n\r\n"), "", 400},
	{"extension with NUL", chunks("3;a\x00\r\nabc\r\n0\r\n\r\n"), "", 400},
	{"extension empty", chunks("3;\r\nabc\r\n0\r\n\r\n"), "", 400},
	{"extension too long", chunks("3;" + strings.Repeat("a", 5000) + "\r\nabc\r\n0\r\n\r\n"), "", 400},
	{"many extensions", chunks(strings.Repeat("1;"+strings.Repeat("a", 200)+"\r\na\r\n", 100) + "0\r\n\r\n"), "", 400},
	{"no CRLF after the data", chunks("3\r\nabc0\r\n\r\n"), "", 400},
	{"bare LF after the data", chunks("3\r\nabc\n0\r\n\r\n"), "", 400},
	{"data longer than its size", chunks("3\r\nabcd\r\n0\r\n\r\n"), "", 400},
	{"bare LF ends the trailers", chunks("0\r\n\n"), "", 400},
	{"trailer without colon", chunks("0\r\nX\r\n\r\n"), "", 400},
	{"trailer folded", chunks("0\r\nX: 1\r\n 2\r\n\r\n"), "", 400},
	{"trailer with space before the colon", chunks("0\r\nX : 1\r\n\r\n"), "", 400},
	{"trailer with NUL", chunks("0\r\nX: \x00\r\n\r\n"), "", 400},
	{"trailers too large", chunks("0\r\n" + strings.Repeat("X: "+strings.Repeat("a", 1000)+"\r\n", 20) + "\r\n"), "", 431},
	{"chunked body above the limit", chunks("f4241\r\n" + strings.Repeat("a", 1000001) + "\r\n0\r\n\r\n"), "", 413},

	// Others.
	{"unknown expectation", rawGet("Expect: 200-ok"), "", 417},
	{"upgrade to h2c is ignored", rawGet("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"), seenGet, 0},
	{"TLS on a plaintext port", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "", 400},
	{"no HTTP at all", "\x00\x01\x02\x03", "", 400},
}
