package cache

import (
	"strconv"
	"time"

	"mgw/runtime/internal/exchange"
)

// entry is a stored answer. It never changes.
type entry struct {
	head   exchange.Message // its fields
	status int
	body   []byte
	vary   []variation

	etag     string
	modified string // Last-Modified, as it stands

	received int64 // when the answer came, by the clock
	initial  int64 // its age then
	lifetime int64

	noCache        bool  // never without asking
	mustRevalidate bool  // never when stale
	staleIfError   int64 // how long a stale one is better than a failure
}

// size is how much memory an entry is counted as.
func (e *entry) size() int64 {
	const fixed = 640 // struct, list, map
	n := fixed + cap(e.body) + len(e.etag) + len(e.modified)
	for _, f := range e.head.Fields {
		n += 16 + int(f.Name.Len) + int(f.Value.Len)
	}
	for _, v := range e.vary {
		n += 48 + len(v.name) + len(v.value)
	}
	return int64(n)
}

// age is the current age (RFC 9111 section 4.2.3).
func (e *entry) age(now int64) int64 { return e.initial + max(0, now-e.received) }

// validator tells whether the backend can be asked for a change only.
func (e *entry) validator() bool { return e.etag != "" || e.modified != "" }

// fill makes the entry the answer; matched says that the client has it already.
func (e *entry) fill(x *exchange.Exchange, now int64, matched bool) {
	m := &x.Response
	x.Status = e.status
	if matched {
		x.Status = 304
	}
	for _, f := range e.head.Fields {
		// RFC 9110 section 15.4.5: no more than what is needed.
		if !matched || !describesBody(f.ID) {
			m.AddFieldOf(&e.head, f)
		}
	}
	var digits [20]byte
	m.AddBytes("Age", strconv.AppendInt(digits[:0], e.age(now)/int64(time.Second), 10))
	switch {
	case matched:
		m.Length, m.Body = 0, nil
	case x.Method == "HEAD":
		m.Length, m.Body = int64(len(e.body)), nil
	default:
		m.LendBody(e.body)
	}
}

func describesBody(id exchange.FieldID) bool {
	return id == exchange.ContentType || id == exchange.ContentEncoding
}

// varies tells whether the entry was chosen for other requests than this.
func (e *entry) varies(m *exchange.Message) bool {
	for i := range e.vary {
		if !e.vary[i].match(m) {
			return true
		}
	}
	return false
}

// twin tells whether two entries answer the same requests.
func (e *entry) twin(other *entry) bool {
	if len(e.vary) != len(other.vary) {
		return false
	}
	for i := range e.vary {
		if e.vary[i] != other.vary[i] {
			return false
		}
	}
	return true
}
