package exchange

import "bytes"

// StripHop removes what concerns one connection only: the fields that
// Connection names, those of RFC 9110 section 7.6.1, and framing, which
// whoever sends the message makes anew. Trailer stays: trailers are passed on.
func (m *Message) StripHop() {
	for _, f := range m.Fields {
		if f.ID != Connection {
			continue
		}
		for name, rest := NextElement(m.Value(f)); name != nil; name, rest = NextElement(rest) {
			m.markNamed(name)
		}
	}
	m.DelFunc(func(f Field) bool { return hopByHop[f.ID] })
}

// StripNamed removes the fields that Connection names and makes Connection
// forget them, so that what is added under such a name from now on is not
// removed as the client's (StripHop does that). What an upgrade and trailers
// need stays.
func (m *Message) StripNamed() {
	if m.Get(Connection) == nil {
		return
	}
	for _, f := range m.Fields {
		if f.ID != Connection {
			continue
		}
		for name, rest := NextElement(m.Value(f)); name != nil; name, rest = NextElement(rest) {
			if !hopByHop[Identify(name)] {
				m.markNamed(name)
			}
		}
	}
	upgrade := m.HasToken(Connection, "upgrade")
	m.DelFunc(func(f Field) bool { return f.ID == named || f.ID == Connection })
	if upgrade {
		m.Add("Connection", "Upgrade")
	}
}

// named is the number, beyond all others, of a field that Connection names.
const named = fieldCount

// markNamed leaves the fields in place: Connection may come again.
func (m *Message) markNamed(name []byte) {
	for i, f := range m.Fields {
		if f.ID != Connection && foldEqual(m.Name(f), name) {
			m.Fields[i].ID = named
		}
	}
}

// HasToken tells whether a list field (Connection, TE, Upgrade) names a token,
// without case and parameters.
func (m *Message) HasToken(id FieldID, token string) bool {
	for _, f := range m.Fields {
		if f.ID != id {
			continue
		}
		for element, rest := NextElement(m.Value(f)); element != nil; element, rest = NextElement(rest) {
			element, _, _ = bytes.Cut(element, []byte(";"))
			if equalFold(bytes.TrimRight(element, " \t"), token) {
				return true
			}
		}
	}
	return false
}

func foldEqual(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

var hopByHop = [fieldCount + 1]bool{
	named:              true,
	Connection:         true,
	ContentLength:      true,
	KeepAlive:          true,
	ProxyAuthenticate:  true,
	ProxyAuthorization: true,
	ProxyConnection:    true,
	TE:                 true,
	TransferEncoding:   true,
	Upgrade:            true,
}
