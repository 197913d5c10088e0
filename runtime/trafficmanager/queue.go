package trafficmanager

import (
	"sync/atomic"

	"mgw/runtime/internal/event"
)

// batch is the events of one request to the receiver.
type batch struct {
	events []event.Event
	// age is how long before it came the first event happened, as far as the
	// sender tells.
	age int64
	// id names the batch among those of all gateways; "" when it has no name.
	id string
}

// queue holds what was accepted and not counted yet, bounded by events.
type queue struct {
	batches chan *batch
	limit   int64
	events  atomic.Int64
}

// How the queue is cut: batches that wait at most, events that a worker takes
// at once.
const (
	maxBatches = 1 << 14
	takeEvents = 2000
)

func newQueue(events int) *queue {
	return &queue{batches: make(chan *batch, min(events, maxBatches)), limit: int64(events)}
}

// offer takes a batch, unless there is no room for it. A batch that is larger
// than the queue passes when it is empty.
func (q *queue) offer(b *batch) bool {
	n := int64(len(b.events))
	if after := q.events.Add(n); after > q.limit && after > n {
		q.events.Add(-n)
		return false
	}
	select {
	case q.batches <- b:
		return true
	default:
		q.events.Add(-n)
		return false
	}
}

// take waits for batches and appends some of them. After stop it gives what is
// left, in the end nothing.
func (q *queue) take(to []*batch, stop <-chan struct{}) []*batch {
	select {
	case b := <-q.batches:
		to = append(to, b)
	case <-stop:
	}
	taken := 0
	for _, b := range to {
		taken += len(b.events)
	}
	for taken < takeEvents {
		select {
		case b := <-q.batches:
			to = append(to, b)
			taken += len(b.events)
			continue
		default:
		}
		break
	}
	q.events.Add(-int64(taken))
	return to
}
