package policy

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"mgw/runtime/spec"
)

// conditions reads the groups of a resource tier (contract 4.8):
//
//	conditions:
//	  - count: 5
//	    unitTime: 1
//	    timeUnit: min
//	    ip: 10.0.0.0/8                  # or {address: ..., invert: true}
//	    header: {values: {User-Agent: curl}, invert: true}
func (r *reader) conditions(n *yaml.Node) []spec.Condition {
	if n == nil {
		return nil
	}
	var all []spec.Condition
	for _, item := range r.sequence(n, "conditions") {
		if f := r.fields(item, "a condition"); f != nil {
			all = append(all, r.condition(f))
		}
	}
	return all
}

func (r *reader) condition(f *fields) spec.Condition {
	var c spec.Condition
	var given bool
	c.Quota, given = f.quota()
	if !given {
		r.errorf(f.node, "a condition has no count")
	}
	c.IP = r.ipMatch(f.take("ip"))
	c.Header = r.valueMatch(f.take("header"), "header")
	c.Query = r.valueMatch(f.take("query"), "query")
	c.Claim = r.valueMatch(f.take("claim"), "claim")
	if !f.has("ip") && !f.has("header") && !f.has("query") && !f.has("claim") {
		r.errorf(f.node, "a condition needs ip, header, query or claim")
	}
	f.end()
	return c
}

func (r *reader) ipMatch(n *yaml.Node) *spec.IPMatch {
	if n == nil {
		return nil
	}
	address, at, invert := n.Value, n, false
	if n.Kind != yaml.ScalarNode {
		f := r.fields(n, "ip")
		if f == nil {
			return nil
		}
		address, at = f.text("address")
		invert = f.flag("invert", false)
		f.end()
		if at == nil {
			r.errorf(n, "ip has no address")
			return nil
		}
	}
	first, last, err := addressRange(address)
	if err != nil {
		r.errorf(at, "%v", err)
		return nil
	}
	return &spec.IPMatch{First: first, Last: last, Invert: invert}
}

func (r *reader) valueMatch(n *yaml.Node, what string) *spec.ValueMatch {
	if n == nil {
		return nil
	}
	f := r.fields(n, what)
	if f == nil {
		return nil
	}
	m := &spec.ValueMatch{Values: map[string]string{}, Invert: f.flag("invert", false)}
	if values := f.take("values"); values == nil {
		r.errorf(n, "%s has no values", what)
	} else if v := r.fields(values, "values"); v != nil {
		r.patterns(v, m.Values)
	}
	f.end()
	return m
}

// maxPattern bounds a regular expression.
const maxPattern = 1000

func (r *reader) patterns(f *fields, into map[string]string) {
	if len(f.values) == 0 {
		r.errorf(f.node, "values is empty")
	}
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		n := f.values[name].value
		if name == "" || n.Kind != yaml.ScalarNode || isNull(n) {
			r.errorf(n, "a value must be a name and a regular expression")
			continue
		}
		if _, err := regexp.Compile(n.Value); err != nil || len(n.Value) > maxPattern {
			reason := "it is too long"
			if err != nil {
				reason = strings.TrimPrefix(err.Error(), "error parsing regexp: ")
			}
			r.errorf(n, "the pattern for %s is not an RE2 regular expression: %s", quoteIfOdd(name), reason)
			continue
		}
		into[name] = n.Value
	}
}

// addressRange reads an address, a CIDR, or two addresses with a dash between,
// and gives both ends.
func addressRange(s string) (first, last string, err error) {
	if a, b, ok := strings.Cut(s, "-"); ok {
		from, err := address(a)
		if err != nil {
			return "", "", err
		}
		to, err := address(b)
		switch {
		case err != nil:
			return "", "", err
		case from.BitLen() != to.BitLen():
			return "", "", fmt.Errorf("the range %s mixes IPv4 and IPv6", s)
		case to.Less(from):
			return "", "", fmt.Errorf("the range %s ends before it starts", s)
		}
		return from.String(), to.String(), nil
	}
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(strings.TrimSpace(s))
		if err != nil || p.Addr().Is4In6() {
			return "", "", fmt.Errorf("%s is not a CIDR such as 10.0.0.0/8", quoteIfOdd(s))
		}
		return p.Masked().Addr().String(), lastOf(p).String(), nil
	}
	a, err := address(s)
	return a.String(), a.String(), err
}

func address(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(strings.TrimSpace(s))
	if err != nil || a.Zone() != "" {
		return a, fmt.Errorf("%s is not an IP address", quoteIfOdd(strings.TrimSpace(s)))
	}
	return a.Unmap(), nil
}

// lastOf gives the highest address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
