package peers

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/sethvargo/go-limiter/memorystore"
	"github.com/throttled/throttled/v2"
	throttledstore "github.com/throttled/throttled/v2/store/memstore"
	ulule "github.com/ulule/limiter/v3"
	ululestore "github.com/ulule/limiter/v3/drivers/store/memory"
	"golang.org/x/time/rate"

	"mgw/runtime/internal/limit"
)

// enough is a limit that no benchmark spends.
const enough = 1 << 30

// contender asks whether a key may be used once more. newContender is called
// for each benchmark, so that none starts with another's keys.
var contenders = []struct {
	name         string
	newContender func(testing.TB) func(key string) bool
}{
	{"mgw", newMgw},
	{"x-time-rate", newRate},
	{"throttled", newThrottled},
	{"ulule", newUlule},
	{"sethvargo", newSethvargo},
}

// newMgw looks its key up each time, as for clients that nobody knows.
func newMgw(tb testing.TB) func(string) bool {
	table := limit.New(limit.Budget{Address: 1 << 30})
	rule, err := table.Rule("r", limit.Address, limit.Limit{Count: enough, Window: int64(time.Minute)})
	if err != nil {
		tb.Fatal(err)
	}
	charge, counter := table.NewCharge(), new(limit.Counter)
	counters := []*limit.Counter{counter}
	return func(key string) bool {
		table.BindString(counter, rule, key)
		d := charge.Take(time.Now().UnixNano(), counters)
		charge.Done(0, 0)
		return d.Refused == limit.Passed
	}
}

// newRate has a map around it, since the package limits one key.
func newRate(testing.TB) func(string) bool {
	keys := map[string]*rate.Limiter{}
	return func(key string) bool {
		l := keys[key]
		if l == nil {
			l = rate.NewLimiter(enough, enough)
			keys[key] = l
		}
		return l.Allow()
	}
}

func newThrottled(tb testing.TB) func(string) bool {
	store, err := throttledstore.NewCtx(0)
	if err != nil {
		tb.Fatal(err)
	}
	quota := throttled.RateQuota{MaxRate: throttled.PerMin(enough), MaxBurst: enough}
	l, err := throttled.NewGCRARateLimiterCtx(store, quota)
	if err != nil {
		tb.Fatal(err)
	}
	ctx := context.Background()
	return func(key string) bool {
		limited, _, err := l.RateLimitCtx(ctx, key, 1)
		return !limited && err == nil
	}
}

func newUlule(testing.TB) func(string) bool {
	l := ulule.New(ululestore.NewStore(), ulule.Rate{Period: time.Minute, Limit: enough})
	ctx := context.Background()
	return func(key string) bool {
		c, err := l.Get(ctx, key)
		return !c.Reached && err == nil
	}
}

func newSethvargo(tb testing.TB) func(string) bool {
	store, err := memorystore.New(&memorystore.Config{Tokens: enough, Interval: time.Minute})
	if err != nil {
		tb.Fatal(err)
	}
	ctx := context.Background()
	tb.Cleanup(func() { _ = store.Close(ctx) })
	return func(key string) bool {
		_, _, _, ok, err := store.Take(ctx, key)
		return ok && err == nil
	}
}

// BenchmarkHotKey asks for one key that everybody has seen before.
func BenchmarkHotKey(b *testing.B) {
	for _, c := range contenders {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			take := c.newContender(b)
			for b.Loop() {
				if !take("10.20.30.40") {
					b.Fatal("refused")
				}
			}
		})
	}
}

// BenchmarkManyKeys uses each key once and tells what it keeps in memory.
func BenchmarkManyKeys(b *testing.B) {
	for _, c := range contenders {
		b.Run(c.name, func(b *testing.B) {
			const keys = 200_000
			for b.Loop() {
				before := heap()
				take := c.newContender(b)
				var key [4]byte
				for i := range uint32(keys) {
					binary.BigEndian.PutUint32(key[:], i)
					if !take(string(key[:])) {
						b.Fatal("refused")
					}
				}
				b.ReportMetric(float64(heap()-before)/keys, "B/key")
				runtime.KeepAlive(take)
			}
		})
	}
}

// heap collects twice: what a cleanup holds on to goes with the second time.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkFiveLevels is a request with five limits whose counters are known:
// what a gateway asks. Of the others each level is asked by itself, and what a
// later refusal leaves charged stays charged.
func BenchmarkFiveLevels(b *testing.B) {
	b.Run("mgw", benchmarkFive)
	for _, c := range contenders[1:] {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			take := c.newContender(b)
			keys := [5]string{"application", "resource", "subscription", "burst", "custom"}
			for b.Loop() {
				for _, key := range keys {
					if !take(key) {
						b.Fatal("refused")
					}
				}
			}
		})
	}
}

func benchmarkFive(b *testing.B) {
	b.ReportAllocs()
	table := limit.New(limit.Budget{})
	var counters []*limit.Counter
	for i := range 5 {
		rule, err := table.Rule(fmt.Sprint(i), limit.Verified, limit.Limit{Count: enough, Window: int64(time.Minute)})
		if err != nil {
			b.Fatal(err)
		}
		c := new(limit.Counter)
		table.BindString(c, rule, "key")
		counters = append(counters, c)
	}
	charge := table.NewCharge()
	for b.Loop() {
		if charge.Take(time.Now().UnixNano(), counters).Refused != limit.Passed {
			b.Fatal("refused")
		}
		charge.Done(0, 0)
	}
}
