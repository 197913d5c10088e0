package telemetry

import (
	"strconv"
	"sync/atomic"
	"time"

	"mgw/runtime/internal/exchange"
)

// Counters counts what passes. Its zero value is ready to use.
type Counters struct {
	began    atomic.Uint64
	ended    atomic.Uint64
	aborted  atomic.Uint64
	bytesIn  atomic.Uint64
	bytesOut atomic.Uint64
	nanos    atomic.Uint64
	classes  [6]atomic.Uint64 // of status; 0: no answer
	faults   [faultCells]atomic.Uint64
}

// Codes of faults run in short ranges (contract section 5). Each code has a
// cell of its own, the last is for all others.
var faultRanges = []struct{ first, last int }{
	{900800, 900819}, // throttling
	{900900, 900919}, // identity
	{101500, 101509}, // backends
}

const faultCells = 20 + 20 + 10 + 1

func faultCell(code int) int {
	cell := 0
	for _, r := range faultRanges {
		if code >= r.first && code <= r.last {
			return cell + code - r.first
		}
		cell += r.last - r.first + 1
	}
	return cell
}

// Begin is the first stage of a chain.
func (c *Counters) Begin(*exchange.Exchange) bool {
	c.began.Add(1)
	return true
}

// Done counts an exchange that has ended, at the time now.
func (c *Counters) Done(x *exchange.Exchange, now int64) {
	c.ended.Add(1)
	c.classes[class(x.Status)].Add(1)
	if x.Code != 0 {
		c.faults[faultCell(x.Code)].Add(1)
	}
	if x.Aborted {
		c.aborted.Add(1)
	}
	if x.BytesIn > 0 {
		c.bytesIn.Add(uint64(x.BytesIn))
	}
	if x.BytesOut > 0 {
		c.bytesOut.Add(uint64(x.BytesOut))
	}
	if d := now - x.Start; d > 0 && x.Start != 0 {
		c.nanos.Add(uint64(d))
	}
}

func class(status int) int {
	if status < 100 || status > 599 {
		return 0
	}
	return status / 100
}

// Snapshot is the counters at one moment.
type Snapshot struct {
	Requests  uint64            `json:"requests"` // ended
	InFlight  uint64            `json:"inFlight"`
	Aborted   uint64            `json:"aborted"`
	BytesIn   uint64            `json:"bytesIn"`
	BytesOut  uint64            `json:"bytesOut"`
	Seconds   float64           `json:"seconds"`  // spent on requests that ended
	Statuses  map[string]uint64 `json:"statuses"` // 2xx ...; none
	Faults    map[string]uint64 `json:"faults"`   // code -> how often; other
	AccessLog *AccessLogStats   `json:"accessLog,omitempty"`
}

// Snapshot reads the counters. They go on meanwhile, so sums may differ by
// what is under way.
func (c *Counters) Snapshot() Snapshot {
	s := Snapshot{
		Requests: c.ended.Load(), // before began, so that InFlight is not negative
		Aborted:  c.aborted.Load(),
		BytesIn:  c.bytesIn.Load(),
		BytesOut: c.bytesOut.Load(),
		Seconds:  time.Duration(c.nanos.Load()).Seconds(),
		Statuses: map[string]uint64{},
		Faults:   map[string]uint64{},
	}
	s.InFlight = c.began.Load() - s.Requests
	for i := range c.classes {
		if n := c.classes[i].Load(); n > 0 {
			s.Statuses[[...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}[i]] = n
		}
	}
	cell := 0
	for _, r := range faultRanges {
		for code := r.first; code <= r.last; code++ {
			if n := c.faults[cell].Load(); n > 0 {
				s.Faults[strconv.Itoa(code)] = n
			}
			cell++
		}
	}
	if n := c.faults[cell].Load(); n > 0 {
		s.Faults["other"] = n
	}
	return s
}
