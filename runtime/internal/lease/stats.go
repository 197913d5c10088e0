package lease

import (
	"cmp"
	"slices"
	"time"
)

// Stats is what a limit did on this node since it began.
type Stats struct {
	Key      string        `json:"key"`
	Count    int64         `json:"count"`
	Window   time.Duration `json:"window"`
	Shape    string        `json:"shape"`
	Granted  int64         `json:"granted"`
	Taken    int64         `json:"taken"`
	Refused  int64         `json:"refused"`  // attempts that found no token, those that waited included
	Returned int64         `json:"returned"` // given back to the cluster
	Stranded int64         `json:"stranded"` // expired or dropped in hand
	InHand   int64         `json:"inHand"`
	Share    int64         `json:"share"` // of a window without Redis
	OnShare  bool          `json:"onShare"`
	Calls    int64         `json:"calls"`
	Failures int64         `json:"failures"`
	Late     int64         `json:"late"` // answers that came too late
	Waiting  int64         `json:"waiting"`
	Nodes    int64         `json:"nodes"`
}

// Status is how the node and Redis stand.
type Status struct {
	PerNode   bool   `json:"perNode"`
	Node      string `json:"node"`
	Answers   bool   `json:"answers"`
	Failures  int64  `json:"failures"`
	LastError string `json:"lastError,omitempty"`
	Limits    int    `json:"limits"`
}

// Stats gives a limit's figures.
func (l *Limit) Stats() Stats {
	mono, _ := l.leases.now()
	shape := "window"
	if l.spec.Smooth {
		shape = "smooth"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	m := &l.m.stats
	return Stats{
		Key: l.spec.Key, Count: l.spec.Count, Window: l.spec.Window, Shape: shape,
		Granted: m.granted, Taken: l.hot.taken.Load(), Refused: l.hot.missed.Load(),
		Returned: m.returned, Stranded: m.stranded, InHand: l.hot.left(mono),
		Share: l.m.share, OnShare: l.m.shareAt != noWindow,
		Calls: m.calls, Failures: m.failures, Late: m.late, Waiting: l.waiting.Load(), Nodes: l.m.nodes,
	}
}

// Stats gives the figures of the limits that keep shares (all: of every limit
// remembered), by key.
func (ls *Leases) Stats(all bool) []Stats {
	limits := ls.reserved()
	if all {
		limits = ls.all()
	}
	out := make([]Stats, 0, len(limits))
	for _, l := range limits {
		out = append(out, l.Stats())
	}
	slices.SortFunc(out, func(a, b Stats) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

// Status tells whether Redis answers.
func (ls *Leases) Status() Status {
	s := Status{PerNode: ls.PerNode(), Node: ls.options.Node, Failures: ls.health.failures.Load()}
	s.Answers = !s.PerNode && !ls.health.down.Load()
	if text := ls.health.last.Load(); text != nil {
		s.LastError = *text
	}
	ls.mu.RLock()
	s.Limits = len(ls.limits)
	ls.mu.RUnlock()
	return s
}
