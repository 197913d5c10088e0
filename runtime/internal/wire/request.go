package wire

import (
	"bytes"

	"mgw/runtime/internal/exchange"
)

// headLimits are the bounds of a head.
type headLimits struct {
	size   int // bytes of all field lines
	target int // bytes of a request target; of an answer's status line
	fields int // field lines
}

// span is a place in a head, from its first byte.
type span struct{ start, end int }

func (s span) of(raw []byte) []byte { return raw[s.start:s.end:s.end] }

// requestHead reads the head of a request while it arrives. After parse has
// said that it is complete, it knows what the head says besides its fields.
type requestHead struct {
	lines
	begun bool // the request line has been read
	from  int  // where the field lines start

	method       string
	target       span // from the path on
	query        int  // where the query starts; 0 for none
	authority    span // of an absolute-form target
	https        bool // its scheme
	minor        int
	length       int64 // of the body; Unknown when chunked
	keepAlive    bool
	expect       bool // 100-continue
	asterisk     bool // OPTIONS *
	connection   bool // there is a Connection field
	contentCount int
	codingCount  int
}

// parse goes on where the last call ended; raw starts with the head's first
// byte and has grown since. It gives true when the head is complete.
func (h *requestHead) parse(raw []byte, m *exchange.Message, limits *headLimits) (bool, error) {
	m.Lend(raw)
	for {
		start, end, ok, err := h.next(raw)
		if err != nil {
			return false, err
		}
		if !ok {
			if err := h.opening(raw); err != nil {
				return false, err
			}
			return false, h.tooLong(len(raw), limits)
		}
		if err := h.tooLong(start, limits); err != nil {
			return false, err
		}
		switch {
		case !h.begun:
			if start == end && start == 0 {
				continue // one empty line may come first, section 2.2
			}
			if err := h.requestLine(raw, start, end, limits); err != nil {
				return false, err
			}
			h.begun, h.from = true, h.start
		case start == end:
			m.Lend(raw[:h.start:h.start])
			return true, h.conclude(raw, m)
		default:
			if len(m.Fields) == limits.fields {
				return false, errFieldsMany
			}
			nameEnd, valueStart, valueEnd, err := fieldLine(raw, start, end)
			if err != nil {
				return false, err
			}
			m.AddRaw(start, nameEnd, valueStart, valueEnd)
		}
	}
}

// opening refuses at once what is no HTTP by its first byte, TLS above all, for
// it may never have a line's end.
func (h *requestHead) opening(raw []byte) error {
	const handshake = 0x16 // RFC 8446 section 5.1
	switch {
	case h.begun || h.start == len(raw) || raw[h.start] == '\r' || class[raw[h.start]]&inToken != 0:
		return nil
	case raw[h.start] == handshake:
		return errPlaintext
	}
	return errRequestLine
}

// tooLong refuses a head that has come to n bytes and not ended.
func (h *requestHead) tooLong(n int, limits *headLimits) error {
	// The longest method and the version stand beside the target.
	const beside = longestMethod + len("  HTTP/1.1\r\n")
	switch {
	case !h.begun && n-h.start > limits.target+beside:
		return errTargetLong
	case h.begun && n-h.from > limits.size:
		return errHeadLarge
	}
	return nil
}

const longestMethod = 32

// requestLine reads method SP target SP version (section 3).
func (h *requestHead) requestLine(raw []byte, start, end int, limits *headLimits) error {
	line := raw[start:end]
	first := bytes.IndexByte(line, ' ')
	last := bytes.LastIndexByte(line, ' ')
	if first <= 0 || last <= first+1 {
		return errRequestLine
	}
	if !only(line[:first], inToken) || first > longestMethod {
		return errMethod
	}
	if last-first-1 > limits.target {
		return errTargetLong
	}
	if err := h.version(line[last+1:]); err != nil {
		return err
	}
	h.method = methodName(line[:first])
	if h.method == "CONNECT" {
		return errConnectMethod
	}
	return h.readTarget(raw, start+first+1, start+last)
}

func (h *requestHead) version(b []byte) error {
	if len(b) != len("HTTP/1.1") || string(b[:5]) != "HTTP/" || b[6] != '.' || b[5] < '0' || b[5] > '9' || b[7] < '0' || b[7] > '9' {
		return errVersion
	}
	if b[5] != '1' || b[7] > '1' {
		return errUnknown
	}
	h.minor = int(b[7] - '0')
	return nil
}

// readTarget takes origin-form, absolute-form and the asterisk of OPTIONS
// (section 3.2).
func (h *requestHead) readTarget(raw []byte, start, end int) error {
	switch {
	case raw[start] == '/':
	case raw[start] == '*' && end == start+1 && h.method == "OPTIONS":
		h.asterisk = true
		h.target = span{start, end}
		return nil
	default:
		from, ok := h.absolute(raw, start, end)
		if !ok {
			return errTarget
		}
		start = from
	}
	h.target = span{start, end}
	path := raw[start:end]
	if i := bytes.IndexByte(path, '?'); i >= 0 {
		h.query = start + i + 1
		if !only(path[i+1:], inQuery) {
			return errTarget
		}
		path = path[:i]
	}
	if !only(path, inPath) || !validEscapes(path) {
		return errTarget
	}
	return nil
}

// absolute reads scheme and authority and gives where the path starts.
func (h *requestHead) absolute(raw []byte, start, end int) (int, bool) {
	b := raw[start:end]
	i := bytes.Index(b, []byte("://"))
	if i < 0 {
		return 0, false
	}
	switch {
	case foldEqual(b[:i], "http"):
	case foldEqual(b[:i], "https"):
		h.https = true
	default:
		return 0, false
	}
	h.authority.start = start + i + 3
	h.authority.end = end
	if j := bytes.IndexAny(raw[h.authority.start:end], "/?"); j >= 0 {
		h.authority.end = h.authority.start + j
	}
	return h.authority.end, validHost(h.authority.of(raw))
}

// methodName gives the method without allocating for those that are known.
func methodName(b []byte) string {
	switch string(b) {
	case "GET":
		return "GET"
	case "POST":
		return "POST"
	case "PUT":
		return "PUT"
	case "DELETE":
		return "DELETE"
	case "PATCH":
		return "PATCH"
	case "HEAD":
		return "HEAD"
	case "OPTIONS":
		return "OPTIONS"
	case "TRACE":
		return "TRACE"
	}
	return string(b)
}
