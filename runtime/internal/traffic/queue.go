package traffic

import (
	"sync"
	"time"
)

// batch is events that travel together.
type batch struct {
	body   []byte // "[" event "," event ...; closed when it is sent
	ends   []int  // where each event ends in body
	opened time.Time
	number uint64
}

// Bounds of one batch.
const (
	batchEvents = 500
	batchBytes  = 512 << 10
)

func (b *batch) full() bool { return len(b.ends) >= batchEvents || len(b.body) >= batchBytes }

// queue holds batches in their order: the last one is open, the first one goes
// next. When it is full, the oldest batch is dropped. Its memory is that of
// the batches, which are used again.
type queue struct {
	now   func() time.Time
	limit int // events

	mu      sync.Mutex
	batches []*batch
	spare   []*batch
	events  int
	dropped uint64
	last    uint64        // batch number
	filled  chan struct{} // has room for one: the queue is not empty
}

func newQueue(limit int, now func() time.Time) *queue {
	return &queue{now: now, limit: limit, filled: make(chan struct{}, 1)}
}

// add appends one event.
func (q *queue) add(e Event) {
	q.mu.Lock()
	b := q.open()
	if len(b.ends) > 0 {
		b.body = append(b.body, ',')
	}
	b.body = e.AppendJSON(b.body)
	b.ends = append(b.ends, len(b.body))
	q.events++
	for q.events > q.limit && len(q.batches) > 1 {
		oldest := q.batches[0]
		q.batches = q.batches[1:]
		q.events -= len(oldest.ends)
		q.dropped += uint64(len(oldest.ends))
		q.recycle(oldest)
	}
	q.mu.Unlock()
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

// open gives the batch that takes the next event.
func (q *queue) open() *batch {
	if n := len(q.batches); n > 0 && !q.batches[n-1].full() {
		return q.batches[n-1]
	}
	b := new(batch)
	if n := len(q.spare); n > 0 {
		b, q.spare = q.spare[n-1], q.spare[:n-1]
	}
	q.last++
	b.body, b.ends = append(b.body[:0], '['), b.ends[:0]
	b.opened, b.number = q.now(), q.last
	q.batches = append(q.batches, b)
	return b
}

// next takes the oldest batch if it has waited so long; nil when there is none.
func (q *queue) next(waited time.Duration) *batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.batches) == 0 || waited > 0 && q.now().Sub(q.batches[0].opened) < waited {
		return nil
	}
	b := q.batches[0]
	q.batches = q.batches[1:]
	q.events -= len(b.ends)
	return b
}

// done gives a batch's memory back.
func (q *queue) done(b *batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.recycle(b)
}

// maxSpare is how many batches are kept for use again.
const maxSpare = 8

func (q *queue) recycle(b *batch) {
	if len(q.spare) < maxSpare {
		q.spare = append(q.spare, b)
	}
}

// state gives how many events wait and how many were dropped.
func (q *queue) state() (waiting int, dropped uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.events, q.dropped
}
