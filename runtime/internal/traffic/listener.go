package traffic

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"mgw/runtime/internal/event"
)

// Sink is who acts on what the manager says: the throttle room.
type Sink interface {
	// Apply takes one message of the topic.
	Apply(m event.Message)
	// Replace takes a snapshot in place of all blocking conditions and key
	// templates known so far, and of the decisions if it is complete.
	Replace(s *Snapshot)
}

// ListenerOptions say where decisions come from.
type ListenerOptions struct {
	Base               string // of the internal data service; dataRetriever.serverUrl
	Username, Password string
	Transport          http.RoundTripper
	Poll               bool // decisionSource = "poll": there is no topic
	Sink               Sink
	Now                func() int64
	Log                *slog.Logger
}

// How a Listener behaves.
const (
	pollEvery = 5 * time.Second
	// A message that cannot be read causes a pull at once, unless there was one
	// just before: a broker full of them must not make a gateway pull all the time.
	justBefore = time.Second
	// maxBuffer bounds the messages that wait for a snapshot; beyond it they
	// are applied before it, which Replace tolerates.
	maxBuffer = 100_000
)

// Listener keeps a Sink up to date. Subscribed, Received and Lost come from
// the topic, one after the other.
type Listener struct {
	options   ListenerOptions
	retriever retriever
	wake      chan struct{} // a pull is due now

	mu      sync.Mutex
	pulling bool            // messages are buffered
	buffer  []event.Message // since Subscribed

	topic    atomic.Bool  // subscribed
	current  atomic.Bool  // the last pull succeeded
	failing  atomic.Bool  // an outage was logged
	doubtful atomic.Bool  // a message since the last pull could not be read
	pulled   atomic.Int64 // when the last pull began
	messages atomic.Uint64
	broken   atomic.Uint64
	last     atomic.Int64 // clock time of the last message; 0 for none
}

// NewListener makes a listener; nothing is pulled before Run.
func NewListener(o ListenerOptions) *Listener {
	return &Listener{
		options:   o,
		retriever: newRetriever(o.Base, o.Username, o.Password, o.Transport),
		wake:      make(chan struct{}, 1),
	}
}

// Subscribed tells that messages arrive from now on. They are kept until a
// snapshot has been applied.
func (l *Listener) Subscribed() {
	l.hold()
	l.current.Store(false) // what was published before is not known yet
	l.topic.Store(true)
	l.pullNow()
}

// hold keeps messages back until replay.
func (l *Listener) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pulling = true
}

// Lost tells that messages may be missed: snapshots are polled meanwhile.
func (l *Listener) Lost() {
	l.topic.Store(false)
	l.pullNow()
}

// Received takes a message, or why it could not be read. After one that could
// not be, a snapshot brings what it may have said.
func (l *Listener) Received(m event.Message, err error) {
	l.last.Store(l.options.Now())
	if err != nil {
		l.broken.Add(1)
		l.options.Log.Debug("a message of the traffic manager cannot be read", "error", err)
		l.doubt()
		return
	}
	l.messages.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pulling && len(l.buffer) < maxBuffer {
		l.buffer = append(l.buffer, m)
		return
	}
	l.options.Sink.Apply(m)
}

// doubt has a snapshot bring what a message may have said.
func (l *Listener) doubt() {
	l.doubtful.Store(true)
	if l.options.Now()-l.pulled.Load() > int64(justBefore) {
		l.pullNow()
	}
}

func (l *Listener) pullNow() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run pulls at the start, after every subscription, and every five seconds
// while there is no topic or the last pull failed, until ctx ends.
func (l *Listener) Run(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		l.pull(ctx)
		for due := false; !due; {
			select {
			case <-ctx.Done():
				return
			case <-l.wake:
				due = true
			case <-tick.C:
				due = l.options.Poll || !l.topic.Load() || !l.current.Load() || l.doubtful.Load()
			}
		}
	}
}

// pull applies a snapshot, then what arrived while it was under way: what the
// manager had published before is in the snapshot, what came later is not
// undone by it. A pull that fails lets the messages through all the same.
func (l *Listener) pull(ctx context.Context) {
	l.hold()
	l.doubtful.Store(false)
	l.pulled.Store(l.options.Now())
	s, err := l.retriever.snapshot(ctx)
	if ctx.Err() != nil {
		return
	}
	l.current.Store(err == nil)
	if err == nil {
		l.options.Sink.Replace(s)
	}
	l.replay()
	l.report(err)
}

func (l *Listener) replay() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.buffer {
		l.options.Sink.Apply(m)
	}
	l.buffer, l.pulling = nil, false
}

func (l *Listener) report(err error) {
	switch {
	case err != nil && l.failing.CompareAndSwap(false, true):
		l.options.Log.Warn("the traffic manager's state cannot be pulled", "error", err)
	case err == nil && l.failing.CompareAndSwap(true, false):
		l.options.Log.Info("the traffic manager's state is pulled again")
	}
}

// ListenerStats is the state of a Listener.
type ListenerStats struct {
	Subscribed bool    `json:"subscribed"` // to the topic
	Current    bool    `json:"current"`    // the last snapshot was applied
	Messages   uint64  `json:"messages"`
	Broken     uint64  `json:"broken"`                // messages that could not be read
	Age        float64 `json:"lastMessageAgeSeconds"` // -1 for none yet
}

// Stats gives the state.
func (l *Listener) Stats() ListenerStats {
	s := ListenerStats{
		Subscribed: l.topic.Load(), Current: l.current.Load(),
		Messages: l.messages.Load(), Broken: l.broken.Load(), Age: -1,
	}
	if last := l.last.Load(); last != 0 {
		s.Age = time.Duration(l.options.Now() - last).Seconds()
	}
	return s
}
