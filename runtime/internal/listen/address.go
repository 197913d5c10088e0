package listen

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"mgw/runtime/internal/exchange"
)

// Proxies are the addresses whose X-Forwarded-For is believed.
type Proxies []netip.Prefix

// ParseProxies reads CIDRs and single addresses.
func ParseProxies(list []string) (Proxies, error) {
	var proxies Proxies
	for _, s := range list {
		prefix, err := netip.ParsePrefix(s)
		if err != nil && !strings.Contains(s, "/") {
			var address netip.Addr
			if address, err = netip.ParseAddr(s); err == nil {
				prefix, err = address.Prefix(address.BitLen())
			}
		}
		if err != nil {
			return nil, fmt.Errorf("trusted proxy %q is neither an address nor a CIDR", s)
		}
		proxies = append(proxies, prefix.Masked())
	}
	return proxies, nil
}

// Trusts tells whether an address belongs to a trusted proxy.
func (p Proxies) Trusts(address netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// Client gives the address of the one who asks: the peer, unless it is a
// trusted proxy; then the last address of X-Forwarded-For that is not one. An
// entry that is no address ends the search: what stands before it was written
// by nobody known.
func (p Proxies) Client(peer netip.Addr, m *exchange.Message) netip.Addr {
	if !p.Trusts(peer) {
		return peer
	}
	client := peer
	for i := len(m.Fields) - 1; i >= 0; i-- {
		if m.Fields[i].ID != exchange.XForwardedFor {
			continue
		}
		list := m.Value(m.Fields[i])
		for len(list) > 0 {
			entry := list
			if comma := bytes.LastIndexByte(list, ','); comma >= 0 {
				entry, list = list[comma+1:], list[:comma]
			} else {
				list = nil
			}
			address, ok := parseForwarded(entry)
			if !ok {
				return client
			}
			if client = address; !p.Trusts(client) {
				return client
			}
		}
	}
	return client
}

// parseForwarded reads an entry of X-Forwarded-For; some proxies add the port.
func parseForwarded(entry []byte) (netip.Addr, bool) {
	s := string(bytes.Trim(entry, " \t"))
	address, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		address = withPort.Addr()
	}
	return address.Unmap().WithZone(""), true
}
