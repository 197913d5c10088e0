package trafficmanager

import (
	"encoding/json"
	"math/big"
	"net/netip"
	"strings"
)

// properties is an event's properties: one flat map of the client's address,
// header fields, query parameters, claims and custom properties (contract 6.2).
// It is read when something asks for it first.
type properties struct {
	text   string
	values map[string]any
	read   bool
}

func (p *properties) reset(text string) { *p = properties{text: text} }

func (p *properties) load() map[string]any {
	if !p.read {
		p.read = true
		dec := json.NewDecoder(strings.NewReader(p.text))
		dec.UseNumber()
		if p.text != "" && dec.Decode(&p.values) != nil {
			p.values = nil // whoever sent this knows no conditions
		}
	}
	return p.values
}

// value gives a property; folded also finds names that differ in case alone.
func (p *properties) value(name string, folded bool) any {
	values := p.load()
	if v, ok := values[name]; ok || !folded {
		return v
	}
	for n, v := range values {
		if strings.EqualFold(n, name) {
			return v
		}
	}
	return nil
}

// asText gives a property as the text that a key template takes it for.
func (p *properties) asText(name string) string {
	switch v := p.value(name, false).(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// address gives the client's: "ip" or "ipv6" in decimal, of which the other is
// 0.
func (p *properties) address() netip.Addr {
	if n, ok := p.decimal("ip"); ok && n.BitLen() <= 32 {
		return netip.AddrFrom4([4]byte(n.FillBytes(make([]byte, 4))))
	}
	if n, ok := p.decimal("ipv6"); ok {
		return netip.AddrFrom16([16]byte(n.FillBytes(make([]byte, 16)))).Unmap()
	}
	return netip.Addr{}
}

func (p *properties) decimal(name string) (*big.Int, bool) {
	s := p.asText(name)
	const maxDigits = 39 // of 2^128
	if len(s) > maxDigits {
		return nil, false
	}
	n, ok := new(big.Int).SetString(s, 10)
	return n, ok && n.Sign() > 0 && n.BitLen() <= 128
}

// size gives the bytes of the message, 0 when the event does not tell.
func (p *properties) size() int64 {
	n, ok := p.decimal("messageSize")
	if !ok || !n.IsInt64() {
		return 0
	}
	return n.Int64()
}
