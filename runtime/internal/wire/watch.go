package wire

import (
	"sync"
	"sync/atomic"
	"time"
)

// watch is a coarse clock that looks after connections. A connection notes
// when it wants to be woken in an atomic, which costs nothing; the watch walks
// over all of them and sets a deadline that has passed on those whose time has
// come. So no request pays for timers.
type watch struct {
	tick atomic.Int64 // nanoseconds
	base time.Time
	now  atomic.Int64 // nanoseconds since base, moved at each tick
	date atomic.Pointer[[]byte]

	mu      sync.Mutex
	watched []watched
	extra   func(now int64) // called at each tick

	retired  bool
	stop     chan struct{}
	stopOnce sync.Once
	done     chan struct{}
}

// watched is looked at on each tick, from the watch's goroutine.
type watched interface {
	look(now int64)
	place() *int // where it keeps its index
}

func newWatch(tick time.Duration, extra func(now int64)) *watch {
	w := &watch{base: time.Now(), extra: extra, stop: make(chan struct{}), done: make(chan struct{})}
	w.tick.Store(int64(tick))
	w.now.Store(1)
	w.setDate(w.base)
	go w.run()
	return w
}

func (w *watch) run() {
	defer close(w.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(time.Duration(w.tick.Load()))
		select {
		case <-w.stop:
			return
		case t := <-timer.C:
			now := int64(time.Since(w.base))
			w.now.Store(now)
			w.setDate(t)
			w.each(func(x watched) { x.look(now) })
			if w.extra != nil {
				w.extra(now)
			}
		}
	}
}

// refine makes it look at least that often.
func (w *watch) refine(tick time.Duration) {
	for old := w.tick.Load(); int64(tick) < old; old = w.tick.Load() {
		if w.tick.CompareAndSwap(old, int64(tick)) {
			return
		}
	}
}

// close ends the watch.
func (w *watch) close() {
	w.stopOnce.Do(func() { close(w.stop) })
	<-w.done
}

// retire ends the watch once there is nothing left to look after.
func (w *watch) retire() {
	w.mu.Lock()
	w.retired = true
	left := len(w.watched)
	w.mu.Unlock()
	if left == 0 {
		w.close()
	}
}

// setDate renders the Date field's value when a second has begun.
func (w *watch) setDate(t time.Time) {
	var room [32]byte
	b := t.UTC().AppendFormat(room[:0], "Mon, 02 Jan 2006 15:04:05 GMT")
	if old := w.date.Load(); old == nil || string(*old) != string(b) {
		fresh := append([]byte(nil), b...)
		w.date.Store(&fresh)
	}
}

func (w *watch) add(x watched) {
	w.mu.Lock()
	*x.place() = len(w.watched)
	w.watched = append(w.watched, x)
	w.mu.Unlock()
}

func (w *watch) remove(x watched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := len(w.watched) - 1
	moved := w.watched[last]
	w.watched[*x.place()] = moved
	*moved.place() = *x.place()
	w.watched[last] = nil
	w.watched = w.watched[:last]
	if w.retired && last == 0 {
		w.stopOnce.Do(func() { close(w.stop) })
	}
}

func (w *watch) each(f func(watched)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range w.watched {
		f(x)
	}
}
