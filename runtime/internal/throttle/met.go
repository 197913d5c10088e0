package throttle

import "mgw/runtime/internal/exchange"

// Met lists the limits that a request has been charged to, as they stand now.
func (t *Throttle) Met(x *exchange.Exchange) []Limit {
	c, ok := x.Charge.(*charge)
	if !ok {
		return nil
	}
	now := t.options.Now()
	met := make([]Limit, 0, len(c.counters))
	for _, counter := range c.counters {
		met = append(met, t.explain(x, now, counter))
	}
	return met
}
