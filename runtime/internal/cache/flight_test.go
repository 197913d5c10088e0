package cache

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// crowd sends n requests for the same at once to a backend that takes a second,
// and gives how often it was asked and when the last client was served.
func crowd(t *testing.T, n int, control string, fail bool) (asked int64, took time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		api := spec.API{ResponseCache: &spec.ResponseCache{}}
		c := New(Options{APIs: []spec.API{api}, Now: func() int64 { return time.Now().UnixNano() }})
		var calls atomic.Int64
		chain := exchange.Chain{
			Request: []exchange.Stage{c.Answer, func(x *exchange.Exchange) bool {
				calls.Add(1)
				time.Sleep(time.Second)
				if fail {
					panic("a stage ran into a bug")
				}
				x.Status, x.Backend = 200, "b"
				x.Response.Add("Cache-Control", control)
				x.Response.SetBodyString("pets")
				return false
			}},
			Reply: []func(*exchange.Exchange){c.Reply},
			Done:  []func(*exchange.Exchange){c.Done},
			Panic: func(x *exchange.Exchange, _ any) { x.Response.Reset(); x.Status = 500 },
		}
		start := time.Now()
		var all sync.WaitGroup
		for range n {
			all.Go(func() {
				x := exchange.Acquire()
				defer exchange.Release(x)
				x.API, x.Method, x.Target = &api, "GET", []byte("/pets")
				var a answer
				x.Client = taking{take: func(x *exchange.Exchange) { a = take(x) }}
				_ = chain.Serve(x)
				if !fail && (a.status != 200 || a.body != "pets") {
					t.Errorf("%+v", a)
				}
			})
		}
		all.Wait()
		asked, took = calls.Load(), time.Since(start)
		for i := range c.shards {
			if n := len(c.shards[i].flights); n > 0 {
				t.Errorf("%d flights never ended", n)
			}
		}
	})
	return asked, took
}

func TestOneOfManyAsksTheBackend(t *testing.T) {
	if asked, took := crowd(t, 100, "max-age=60", false); asked != 1 || took != time.Second {
		t.Errorf("asked %d times, %v", asked, took)
	}
}

func TestWhatIsNotStoredIsWaitedForOnce(t *testing.T) {
	if asked, took := crowd(t, 10, "no-store", false); asked != 10 || took != 2*time.Second {
		t.Errorf("asked %d times, %v", asked, took)
	}
}

func TestABugWhileOthersWaitLetsThemGoOn(t *testing.T) {
	if asked, took := crowd(t, 10, "", true); asked != 10 || took != 2*time.Second {
		t.Errorf("asked %d times, %v", asked, took)
	}
}

func TestWhatWasNotStoredIsNotWaitedForAgain(t *testing.T) {
	b := newBench(t)
	b.do("GET /pets")
	x := exchange.Acquire()
	defer exchange.Release(x)
	x.API, x.Scheme, x.Host, x.Target = b.api, "https", []byte("api.example"), []byte("/pets")
	v := b.cache.visit(x)
	if wait, lead := b.cache.join(v); wait != nil || lead != nil {
		t.Error("others would wait for an answer that is not going to be stored")
	}
	b.header = []string{"Cache-Control", "max-age=1"}
	b.do("GET /pets")
	if _, lead := b.cache.join(v); lead == nil {
		t.Error("others would not wait for an answer that was stored the last time")
	}
}

func TestConcurrentUse(t *testing.T) {
	api := spec.API{ResponseCache: &spec.ResponseCache{}}
	c := New(Options{APIs: []spec.API{api}, Now: func() int64 { return time.Now().UnixNano() }, Memory: 1 << 20})
	chain := exchange.Chain{
		Request: []exchange.Stage{c.Answer, func(x *exchange.Exchange) bool {
			x.Status, x.Backend = 200, "b"
			x.Response.Add("Cache-Control", "max-age=60")
			x.Response.Add("ETag", `"`+string(x.Target)+`"`)
			x.Response.SetBody(x.Target)
			return false
		}},
		Reply: []func(*exchange.Exchange){c.Reply},
		Done:  []func(*exchange.Exchange){c.Done},
		Panic: func(_ *exchange.Exchange, r any) { panic(r) },
	}
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 500 {
				x := exchange.Acquire()
				target := "/" + strconv.Itoa((i*7+worker)%50)
				x.API, x.Method, x.Target = &api, "GET", []byte(target)
				if i%20 == 0 {
					x.Method = "PUT"
				}
				if i%7 == 0 {
					x.Request.Add("Cache-Control", "no-cache")
				}
				x.Client = taking{take: func(x *exchange.Exchange) {
					if a := take(x); a.status != 200 || a.body != target {
						t.Errorf("%s: %+v", target, a)
					}
				}}
				_ = chain.Serve(x)
				exchange.Release(x)
			}
		})
	}
	all.Wait()
}

func BenchmarkHit(b *testing.B) {
	api := spec.API{ResponseCache: &spec.ResponseCache{}}
	c := New(Options{APIs: []spec.API{api}, Now: func() int64 { return 1 }})
	x, target := new(exchange.Exchange), make([]byte, 0, 20)
	ask := func() bool {
		x.Reset()
		x.API, x.Method, x.Scheme, x.Target = &api, "GET", "http", append(target, "/pets"...)
		return c.Answer(x)
	}
	ask()
	x.Status, x.Backend = 200, "b"
	x.Response.Add("Cache-Control", "max-age=60")
	x.Response.SetBodyString("pets")
	c.Reply(x)
	take(x)
	c.Done(x)
	b.ReportAllocs()
	for b.Loop() {
		if ask() {
			b.Fatal("not stored")
		}
	}
}
