package trafficmanager

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"

	"mgw/runtime/internal/event"
	"mgw/runtime/internal/traffic"
)

// receiver takes the events of gateways (contract 6.2 and 3a).
type receiver struct {
	queue *queue
	nodes *nodes
	now   func() int64

	reading chan struct{} // bounds bodies in memory
	parsing chan struct{} // bounds what is made of them

	received  atomic.Uint64 // events
	repeated  atomic.Uint64 // batches dropped since they came before
	malformed atomic.Uint64 // requests
	refused   atomic.Uint64 // requests, overload
}

const (
	// maxEventBody is what a request may hold; gateways send a quarter of it.
	maxEventBody = 2 << 20
	maxReading   = 128
	maxNodeName  = 200
)

func newReceiver(q *queue, n *nodes, now func() int64) *receiver {
	return &receiver{
		queue: q, nodes: n, now: now,
		reading: make(chan struct{}, maxReading), parsing: make(chan struct{}, 2*runtime.GOMAXPROCS(0)),
	}
}

var errSent = fmt.Errorf("%s, %s and %s belong together: a name, a number and milliseconds",
	traffic.NodeField, traffic.BatchField, traffic.SentField)

func (c *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(traffic.ManagerField, "mgw")
	select {
	case c.reading <- struct{}{}:
		defer func() { <-c.reading }()
	default:
		c.overload(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEventBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		c.reject(w, http.StatusRequestEntityTooLarge, fmt.Errorf("more than %d bytes in one request", maxEventBody))
		return
	}
	if err != nil {
		c.reject(w, http.StatusBadRequest, errors.New("the body is cut short"))
		return
	}
	s, stamped, err := stampOf(r.Header)
	if err != nil {
		c.reject(w, http.StatusBadRequest, err)
		return
	}
	c.parsing <- struct{}{}
	events, err := event.ParseEvents(body)
	<-c.parsing
	if err != nil {
		c.reject(w, http.StatusBadRequest, err)
		return
	}
	if len(events) > 0 && !c.accept(events, s, stamped) {
		c.overload(w)
	}
}

// accept queues a batch that has not been received before. It gives false when
// there is no room.
func (c *receiver) accept(events []event.Event, s stamp, stamped bool) bool {
	b := &batch{events: events}
	taken, repeated := false, false
	if stamped {
		b.id = s.id()
		taken, repeated = c.nodes.accept(s, c.now(), func(age int64) bool {
			b.age = age
			return c.queue.offer(b)
		})
	} else {
		taken = c.queue.offer(b)
	}
	if taken {
		c.received.Add(uint64(len(events)))
	}
	if repeated {
		c.repeated.Add(1)
	}
	return taken || repeated
}

// stampOf reads the header fields of our gateways, which others do not send.
func stampOf(h http.Header) (s stamp, stamped bool, err error) {
	s.node = h.Get(traffic.NodeField)
	batch, sent := h.Get(traffic.BatchField), h.Get(traffic.SentField)
	if s.node == "" && batch == "" && sent == "" {
		return s, false, nil
	}
	if s.number, err = strconv.ParseUint(batch, 10, 64); err != nil {
		return s, false, errSent
	}
	if s.sent, err = strconv.ParseInt(sent, 10, 64); err != nil || s.sent < 0 || s.node == "" || len(s.node) > maxNodeName {
		return s, false, errSent
	}
	return s, true, nil
}

func (c *receiver) reject(w http.ResponseWriter, status int, err error) {
	c.malformed.Add(1)
	fail(w, status, err.Error())
}

func (c *receiver) overload(w http.ResponseWriter) {
	c.refused.Add(1)
	w.Header().Set("Retry-After", "1")
	fail(w, http.StatusServiceUnavailable, "too many events wait to be counted")
}
