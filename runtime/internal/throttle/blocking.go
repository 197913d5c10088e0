package throttle

import (
	"net/netip"

	"mgw/runtime/internal/event"
	"mgw/runtime/internal/exchange"
)

// blocking is all blocking conditions (contract 4.10). It is never changed,
// only replaced.
type blocking struct {
	values map[blockedValue]bool
	ranges []blockedRange
	count  int
}

type blockedValue struct {
	kind  event.BlockKind
	value string
}

// blockedRange is an IP or IPRANGE condition; both ends are included here.
type blockedRange struct {
	id          int64
	tenant      string
	first, last netip.Addr
	invert      bool
}

func newBlocking(blocks []event.Block) *blocking {
	b := &blocking{values: map[blockedValue]bool{}}
	for i := range blocks {
		b.add(&blocks[i])
	}
	b.count = len(b.values) + len(b.ranges)
	return b
}

// maxBlocks bounds what one manager may make a gateway hold.
const maxBlocks = 100_000

func (b *blocking) add(m *event.Block) {
	if len(b.values)+len(b.ranges) >= maxBlocks {
		return
	}
	if m.Kind != event.BlockIP && m.Kind != event.BlockIPRange {
		b.values[blockedValue{m.Kind, m.Value}] = true
		return
	}
	if r, ok := rangeOf(m); ok {
		b.ranges = append(b.ranges, r)
	}
}

// rangeOf reads the addresses of a condition. WSO2's ranges leave both ends out.
func rangeOf(m *event.Block) (blockedRange, bool) {
	r := blockedRange{id: m.ID, tenant: m.Tenant, invert: m.Range.Invert}
	if m.Range.Fixed != "" {
		fixed, err := netip.ParseAddr(m.Range.Fixed)
		r.first, r.last = fixed.Unmap(), fixed.Unmap()
		return r, err == nil
	}
	first, err := netip.ParseAddr(m.Range.Starting)
	last, err2 := netip.ParseAddr(m.Range.Ending)
	r.first, r.last = first.Unmap().Next(), last.Unmap().Prev()
	return r, err == nil && err2 == nil
}

func (d *Decisions) applyBlock(m *event.Block) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.blocks.Load()
	next := &blocking{values: map[blockedValue]bool{}}
	for v := range old.values {
		next.values[v] = true
	}
	for _, r := range old.ranges {
		if r.id != m.ID || r.tenant != m.Tenant || m.Kind != event.BlockIP && m.Kind != event.BlockIPRange {
			next.ranges = append(next.ranges, r)
		}
	}
	if m.Active {
		next.add(m)
	} else {
		delete(next.values, blockedValue{m.Kind, m.Value})
	}
	next.count = len(next.values) + len(next.ranges)
	d.blocks.Store(next)
}

func (d *Decisions) replaceBlocks(blocks []event.Block) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.blocks.Store(newBlocking(blocks))
}

// blocked tells whether a blocking condition fits the request. b is scratch
// memory, given back.
func (d *Decisions) blocked(b []byte, x *exchange.Exchange) ([]byte, bool) {
	all := d.blocks.Load()
	if all.count == 0 {
		return b, false
	}
	address := x.Address.Unmap().WithZone("")
	for _, r := range all.ranges {
		if within(address, r.first, r.last) != r.invert {
			return b, true
		}
	}
	if all.values[blockedValue{event.BlockAPI, x.API.Context}] {
		return b, true
	}
	p := x.Grant.Principal
	if p.Kind == exchange.Anonymous || len(all.values) == 0 {
		return b, false
	}
	if all.values[blockedValue{event.BlockUser, p.Subject}] {
		return b, true
	}
	b = append(append(append(b[:0], p.Application.Owner...), ':'), p.Application.Name...)
	if all.has(event.BlockApplication, b) {
		return b, true
	}
	b = appendSubscription(b[:0], x)
	return b, all.has(event.BlockSubscription, b)
}

// has looks a value up without making a string of it.
func (b *blocking) has(kind event.BlockKind, value []byte) bool {
	return b.values[blockedValue{kind, string(value)}]
}

// appendSubscription writes the name that a manager gives a subscription:
// context:version:subscriber-application:keyType.
func appendSubscription(b []byte, x *exchange.Exchange) []byte {
	p := x.Grant.Principal
	b = append(append(b, x.API.Context...), ':')
	b = append(append(b, x.API.Version...), ':')
	b = append(append(b, p.Application.Owner...), '-')
	b = append(append(b, p.Application.Name...), ':')
	return append(b, p.KeyType.String()...)
}
