package trafficmanager

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"mgw/runtime/internal/event"
	"mgw/runtime/internal/jms"
)

// outbox is what is to be published, in this order: changes of blocking
// conditions and key templates, then decisions. It is the publisher's source
// and holds no more than a bounded number of messages while the broker is away,
// since what still matters is given anew when it is back.
type outbox struct {
	text bool // messages travel as JSON text, else as maps
	now  func() time.Time
	// decisions and standing give all that is in force.
	decisions func() []*held
	standing  func() []event.Message
	// delivered, if any, hears which decisions were handed to the broker.
	delivered func([]*held)

	mu      sync.Mutex
	changes []change
	sent    []change // withdrawals, which nothing else would repeat
	queue   []*held
	room    int     // decisions that may wait
	missed  bool    // some found no room
	handed  []*held // given to the publisher, not yet known to be written
	filled  chan struct{}

	links     uint64        // connections so far
	fresh     bool          // follow has not seen this one's context yet
	link      atomic.Uint64 // the connection in use; 0 none
	published atomic.Uint64
}

// change is a message about conditions or templates, and when it was made.
type change struct {
	event.Message
	withdraws bool
	at        time.Time
}

const (
	// maxOutbox bounds the decisions that wait for the broker, beside those that
	// it gets anew.
	maxOutbox = 100_000
	// maxChanges bounds the other messages that wait, and those remembered.
	maxChanges = 10_000
	// repeatFor is how long withdrawals are given anew: those published right
	// before a loss may not have arrived.
	repeatFor = time.Minute
)

// decide queues decisions. While the broker is away there is no need to: the
// ledger gives them when it is back. The same holds for what a broker that is
// far too slow leaves no room for.
func (o *outbox) decide(all []*held) {
	o.mu.Lock()
	switch {
	case !o.connected():
	case len(o.queue)+len(all) > o.room:
		o.missed = true
	default:
		o.queue = append(o.queue, all...)
	}
	o.mu.Unlock()
	o.wake()
}

// change queues a change of conditions or templates.
func (o *outbox) change(m event.Message, withdraws bool) {
	o.mu.Lock()
	o.changes = append(last(o.changes, maxChanges-1), change{m, withdraws, o.now()})
	o.mu.Unlock()
	o.wake()
}

// last gives at most the last n changes.
func last(all []change, n int) []change { return all[max(len(all)-n, 0):] }

func (o *outbox) wake() {
	select {
	case o.filled <- struct{}{}:
	default:
	}
}

// Connected puts everything in force into the queue, behind the withdrawals
// that may not have arrived. What is in force is looked up under the lock, so
// that whatever waited is among it.
func (o *outbox) Connected() {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []change
	for _, c := range o.sent {
		if c.at.After(o.now().Add(-repeatFor)) {
			all = append(all, c)
		}
	}
	for _, c := range o.changes {
		if c.withdraws {
			all = append(all, c)
		}
	}
	for _, m := range o.standing() {
		all = append(all, change{Message: m, at: o.now()})
	}
	o.sent, o.changes, o.handed = nil, all, nil
	o.refill()
	o.links++
	o.fresh = true
	o.link.Store(o.links)
}

// Next gives the next message that still matters.
func (o *outbox) Next(ctx context.Context) (jms.Outgoing, bool) {
	o.follow(ctx)
	o.confirm()
	for {
		m, sent := o.take()
		if m != nil {
			out := jms.Outgoing{Sent: sent}
			if !o.text {
				out.Map = event.Fields(m)
			} else if text, err := event.Text(m); err == nil {
				out.Text = text
			}
			return out, true
		}
		select {
		case <-o.filled:
		case <-ctx.Done():
			return jms.Outgoing{}, false
		}
	}
}

// refill queues all decisions in force.
func (o *outbox) refill() {
	o.queue, o.missed = o.decisions(), false
	o.room = len(o.queue) + maxOutbox
}

// follow notes the end of a connection, which is that of its context.
func (o *outbox) follow(ctx context.Context) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fresh {
		n := o.links
		context.AfterFunc(ctx, func() { o.link.CompareAndSwap(n, 0) })
	}
	o.fresh = false
}

// connected tells whether the broker takes messages.
func (o *outbox) connected() bool { return o.link.Load() != 0 }

// take removes the first message; nil when there is none.
func (o *outbox) take() (event.Message, time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.changes) > 0 {
		c := o.changes[0]
		o.changes = o.changes[1:]
		if c.withdraws {
			o.sent = append(last(o.sent, maxChanges-1), c)
		}
		return c.Message, c.at
	}
	if len(o.queue) == 0 && o.missed {
		o.refill()
	}
	now := o.now().UnixMilli()
	for len(o.queue) > 0 {
		d := o.queue[0]
		o.queue = o.queue[1:]
		if d.Expiry >= now {
			o.handed = append(o.handed, d)
			return d.Decision, time.UnixMilli(d.Sent)
		}
	}
	return nil, time.Time{}
}

// confirm counts what was handed out before as published, and tells whoever
// wants to know, once there is nothing more to do at the moment.
func (o *outbox) confirm() {
	o.mu.Lock()
	done := o.handed
	if len(o.queue) > 0 && len(done) < confirmStep {
		done = nil
	} else {
		o.handed = nil
	}
	o.mu.Unlock()
	o.published.Add(uint64(len(done)))
	if o.delivered != nil && len(done) > 0 {
		o.delivered(done)
	}
}

const confirmStep = 1000

// drained tells whether nothing waits.
func (o *outbox) drained() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue)+len(o.changes) == 0 && !o.missed
}
