package event

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
)

// Group is one condition group (contract 4.8): all that is set must hold.
type Group struct {
	IP      *IPSpan
	Headers *Patterns
	Queries *Patterns
	Claims  *Patterns
}

// IPSpan is a single address (First equal to Last) or the addresses between
// First and Last. Exclusive spans leave both ends out, as WSO2's ranges do.
type IPSpan struct {
	First, Last netip.Addr
	Exclusive   bool
	Invert      bool
}

// Patterns are regular expressions by name, of which each must be found in the
// value of that name.
type Patterns struct {
	Values map[string]string `json:"values"`
	Invert bool              `json:"invert"`
}

// group is a Group as it travels; addresses are decimal integers in text, or
// numbers.
type group struct {
	Specific *struct {
		Address decimal `json:"specificIp"`
		Invert  bool    `json:"invert"`
	} `json:"ipspecific,omitempty"`
	Range *struct {
		Starting decimal `json:"startingIp"`
		Ending   decimal `json:"endingIp"`
		Invert   bool    `json:"invert"`
	} `json:"iprange,omitempty"`
	Headers *Patterns `json:"header,omitempty"`
	Queries *Patterns `json:"queryparametertype,omitempty"`
	Claims  *Patterns `json:"jwtclaims,omitempty"`
}

type decimal string

func (d *decimal) UnmarshalJSON(b []byte) error {
	*d = decimal(strings.Trim(string(b), `"`))
	return nil
}

// addr reads a decimal integer as an address: IPv4 up to 32 bits, else IPv6.
// Plain addresses, which other senders write, are read as they are.
func (d decimal) addr() (netip.Addr, error) {
	if a, err := netip.ParseAddr(string(d)); err == nil {
		return a.Unmap(), nil
	}
	const maxDigits = 39 // of 2^128
	n, ok := new(big.Int), len(d) <= maxDigits
	if ok {
		n, ok = n.SetString(string(d), 10)
	}
	if !ok || n.Sign() < 0 || n.BitLen() > 128 {
		return netip.Addr{}, fmt.Errorf("%q is not an address", string(d))
	}
	if n.BitLen() <= 32 {
		return netip.AddrFrom4([4]byte(n.FillBytes(make([]byte, 4)))), nil
	}
	return netip.AddrFrom16([16]byte(n.FillBytes(make([]byte, 16)))).Unmap(), nil
}

// maxConditions bounds evaluatedConditions.
const maxConditions = 1 << 20

// parseConditions reads evaluatedConditions: a JSON array in base64 or
// base64url, padded or not, maybe with quotes left around it. JSON null in it
// means that none were sent.
func parseConditions(encoded string) (groups []Group, present bool, err error) {
	if len(encoded) > maxConditions {
		return nil, false, errors.New("too long")
	}
	encoded = strings.Trim(encoded, `" `)
	encoded = strings.TrimRight(encoded, "=")
	encoded = strings.NewReplacer("+", "-", "/", "_", "\r", "", "\n", "").Replace(encoded)
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return nil, false, err
	}
	var raw []group
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, false, err
	}
	if len(raw) > maxGroups {
		return nil, false, fmt.Errorf("%d condition groups", len(raw))
	}
	for _, g := range raw {
		parsed, err := g.parse()
		if err != nil {
			return nil, false, err
		}
		groups = append(groups, parsed)
	}
	return groups, raw != nil, nil
}

func (g group) parse() (Group, error) {
	out := Group{Headers: g.Headers, Queries: g.Queries, Claims: g.Claims}
	var err error
	switch {
	case g.Specific != nil: // wins over a range
		span := &IPSpan{Invert: g.Specific.Invert}
		if span.First, err = g.Specific.Address.addr(); err != nil {
			return out, err
		}
		span.Last = span.First
		out.IP = span
	case g.Range != nil:
		span := &IPSpan{Exclusive: true, Invert: g.Range.Invert}
		if span.First, err = g.Range.Starting.addr(); err != nil {
			return out, err
		}
		if span.Last, err = g.Range.Ending.addr(); err != nil {
			return out, err
		}
		out.IP = span
	}
	return out, nil
}
