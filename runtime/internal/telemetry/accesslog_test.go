package telemetry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"mgw/runtime/internal/exchange"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running starts a log; the function ends it and waits.
func running(t testing.TB, o AccessLogOptions) (*AccessLog, func()) {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Format == "" {
		o.Format = "text"
	}
	a, err := NewAccessLog(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); a.Run(ctx) }()
	return a, func() { cancel(); <-done }
}

// sink collects what is written; gate, when not nil, holds writes up; err makes
// them fail.
type sink struct {
	mu   sync.Mutex
	text strings.Builder
	gate chan struct{}
	err  error
}

func (s *sink) Write(p []byte) (int, error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	return s.text.Write(p)
}

func (s *sink) fail(err error) { s.mu.Lock(); s.err = err; s.mu.Unlock() }

func TestEveryLineIsWrittenOnce(t *testing.T) {
	out := &sink{}
	a, stop := running(t, AccessLogOptions{Writer: out, Format: "json"})
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for range 500 {
				a.Done(request(), ended)
			}
		})
	}
	workers.Wait()
	stop()
	want := made((*line).json, request())
	if got := out.text.String(); got != strings.Repeat(want, 4000) {
		t.Errorf("%d lines, %d bytes", strings.Count(got, "\n"), len(got))
	}
	if s := a.Stats(); s != (AccessLogStats{Written: 4000}) {
		t.Errorf("%+v", s)
	}
}

func TestLinesAreWrittenSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		a, stop := running(t, AccessLogOptions{Writer: out})
		defer stop()
		a.Done(request(), ended)
		time.Sleep(flushEvery)
		synctest.Wait()
		if a.Stats().Written != 1 {
			t.Errorf("%+v", a.Stats())
		}
	})
}

func TestHangingWriterHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told strings.Builder
		out := &sink{gate: make(chan struct{})}
		a, stop := running(t, AccessLogOptions{Writer: out, Buffer: minShard, Logger: slog.New(slog.NewTextHandler(&told, nil))})
		const offered = 10000
		for range offered {
			a.Done(request(), ended) // would deadlock the bubble if it waited
		}
		synctest.Wait()
		if s := a.Stats(); s.Dropped < offered/2 || s.Written != 0 {
			t.Errorf("%+v", s)
		}
		close(out.gate)
		time.Sleep(3 * flushEvery)
		a.Done(request(), ended)
		stop()
		s := a.Stats()
		if s.Written+s.Dropped != offered+1 || int(s.Written) != strings.Count(out.text.String(), "\n") {
			t.Errorf("%+v", s)
		}
		log := told.String()
		if strings.Count(log, "too slow") != 1 || strings.Count(log, "complete again") != 1 {
			t.Errorf("told %q", log)
		}
	})
}

func TestFailingWriterIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told strings.Builder
		out := &sink{err: errors.New("disk full")}
		a, stop := running(t, AccessLogOptions{Writer: out, Logger: slog.New(slog.NewTextHandler(&told, nil))})
		for range 3 {
			a.Done(request(), ended)
			time.Sleep(2 * flushEvery)
		}
		out.fail(nil)
		a.Done(request(), ended)
		stop()
		if s := a.Stats(); s != (AccessLogStats{Written: 1, Failed: 3}) {
			t.Errorf("%+v", s)
		}
		if log := told.String(); strings.Count(log, "disk full") != 1 || strings.Count(log, "complete again") != 1 {
			t.Errorf("told %q", log)
		}
	})
}

func TestOpenAccessLogAppends(t *testing.T) {
	name := filepath.Join(t.TempDir(), "access.log")
	for range 2 {
		f, err := OpenAccessLog(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("x\n"); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	got, _ := os.ReadFile(name)
	info, _ := os.Stat(name)
	if string(got) != "x\nx\n" || info.Mode().Perm()&0o007 != 0 {
		t.Errorf("%q %v", got, info.Mode())
	}
	if _, err := OpenAccessLog(filepath.Join(name, "below")); err == nil {
		t.Error("opened a file below a file")
	}
}

func TestUnknownFormatIsRefused(t *testing.T) {
	if _, err := NewAccessLog(AccessLogOptions{Format: "xml"}); err == nil {
		t.Error("no error")
	}
}

func TestDoneAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops at random under the race detector")
	}
	for _, format := range []string{"text", "json"} {
		a, stop := running(t, AccessLogOptions{Writer: io.Discard, Format: format})
		x := request()
		var c Counters
		for range 20000 {
			a.Done(x, ended)
		}
		if n := testing.AllocsPerRun(2000, func() { a.Done(x, ended); c.Begin(x); c.Done(x, ended) }); n != 0 {
			t.Errorf("%s: %v allocations", format, n)
		}
		stop()
	}
}

func BenchmarkAccessLog(b *testing.B) {
	for _, format := range []string{"text", "json"} {
		b.Run(format, func(b *testing.B) {
			a, stop := running(b, AccessLogOptions{Writer: io.Discard, Format: format})
			defer stop()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				x := request()
				for pb.Next() {
					a.Done(x, ended)
				}
			})
			b.ReportMetric(100*float64(a.Stats().Dropped)/float64(b.N), "%dropped")
		})
	}
}

func BenchmarkCounters(b *testing.B) {
	var c Counters
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		x := &exchange.Exchange{Status: 200, Start: began, BytesIn: 1, BytesOut: 1}
		for pb.Next() {
			c.Begin(x)
			c.Done(x, ended)
		}
	})
}
