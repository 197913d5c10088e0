package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"mgw/runtime/internal/exchange"
)

// AccessLogOptions says where lines go.
type AccessLogOptions struct {
	Writer io.Writer
	Format string       // text, json
	Logger *slog.Logger // told once that lines are lost, and once that it is over; nil: nobody is
	// Buffer bounds the bytes that wait for Writer; 0 is 4 MiB.
	Buffer int
}

const (
	defaultBuffer = 4 << 20
	minShard      = 2 * maxLine
	// flushEvery is how long a line waits at most while Writer is fast.
	flushEvery = 100 * time.Millisecond
)

// AccessLog writes a line for each exchange. Lines of one moment may change
// places: they wait in several buffers, so that cores do not wait for each
// other.
type AccessLog struct {
	options AccessLogOptions
	append  func(l *line, x *exchange.Exchange, now int64)
	lines   sync.Pool
	shards  []shard
	limit   int // bytes in a shard
	wake    chan struct{}

	written, dropped, failed atomic.Uint64

	// The owner's: whether and of how many losses the log was told.
	losing bool
	told   uint64
}

// shard is a buffer that requests append to and the owner takes away.
type shard struct {
	mu    sync.Mutex
	buf   []byte
	count uint64
	_     [64]byte // no two shards in a cache line
}

// NewAccessLog prepares a log; Run writes it.
func NewAccessLog(o AccessLogOptions) (*AccessLog, error) {
	if o.Buffer == 0 {
		o.Buffer = defaultBuffer
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	n := 1
	for n < runtime.GOMAXPROCS(0) && n < 16 && o.Buffer/(2*n) >= minShard {
		n *= 2
	}
	a := &AccessLog{options: o, shards: make([]shard, n), limit: o.Buffer / n, wake: make(chan struct{}, 1)}
	switch o.Format {
	case "text":
		a.append = (*line).text
	case "json":
		a.append = (*line).json
	default:
		return nil, fmt.Errorf("unknown access log format %q", o.Format)
	}
	a.lines.New = func() any { return new(line) }
	return a, nil
}

// OpenAccessLog opens a file to append to. Only its owner and group may read
// it: it tells who calls what.
func OpenAccessLog(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return nil, fmt.Errorf("opening the access log: %w", err)
	}
	return f, nil
}

// Done takes down an exchange that has ended, at the time now.
func (a *AccessLog) Done(x *exchange.Exchange, now int64) {
	l := a.lines.Get().(*line)
	a.append(l, x, now)
	a.keep(l.buf)
	a.lines.Put(l)
}

func (a *AccessLog) keep(text []byte) {
	s := a.shard()
	if len(s.buf)+len(text) > a.limit {
		s.mu.Unlock()
		a.dropped.Add(1)
		return
	}
	s.buf = append(s.buf, text...)
	s.count++
	full := len(s.buf) > a.limit/2
	s.mu.Unlock()
	if full {
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
}

// shard locks one that nobody holds, if there is one nearby.
func (a *AccessLog) shard() *shard {
	i := rand.Uint32()
	for range 2 {
		if s := &a.shards[int(i)&(len(a.shards)-1)]; s.mu.TryLock() {
			return s
		}
		i++
	}
	s := &a.shards[int(i)&(len(a.shards)-1)]
	s.mu.Lock()
	return s
}

// Run writes lines until ctx ends and then what is left. It returns when
// Writer does: a hanging Writer holds it up, but no request.
func (a *AccessLog) Run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	var spare []byte
	for {
		select {
		case <-ctx.Done():
			a.flush(spare)
			return
		case <-tick.C:
		case <-a.wake:
		}
		spare = a.flush(spare)
	}
}

// flush writes each shard's buffer and gives back one to use next time.
func (a *AccessLog) flush(spare []byte) []byte {
	for i := range a.shards {
		s := &a.shards[i]
		s.mu.Lock()
		full, count := s.buf, s.count
		s.buf, s.count = spare[:0], 0
		s.mu.Unlock()
		a.write(full, count)
		spare = full
	}
	return spare
}

func (a *AccessLog) write(text []byte, count uint64) {
	if count == 0 {
		return
	}
	if _, err := a.options.Writer.Write(text); err != nil {
		a.failed.Add(count)
		a.tell(err)
		return
	}
	a.written.Add(count)
	a.tell(nil)
}

// tell logs that lines are lost, once, and how many when it is over.
func (a *AccessLog) tell(err error) {
	lost := a.dropped.Load() + a.failed.Load()
	now := err != nil || lost > a.told
	switch {
	case now && !a.losing && err != nil:
		a.options.Logger.Error("the access log cannot be written; lines are lost", "error", err)
	case now && !a.losing:
		a.options.Logger.Warn("the access log is too slow; lines are lost", "lost", lost)
	case !now && a.losing:
		a.options.Logger.Info("the access log is complete again", "lost", lost)
	}
	a.losing, a.told = now, lost
}

// AccessLogStats counts lines.
type AccessLogStats struct {
	Written uint64 `json:"written"`
	Dropped uint64 `json:"dropped"` // the buffer was full
	Failed  uint64 `json:"failed"`  // the writer gave an error
}

// Stats reads the counters.
func (a *AccessLog) Stats() AccessLogStats {
	return AccessLogStats{a.written.Load(), a.dropped.Load(), a.failed.Load()}
}
