package trafficmanager

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mgw/runtime/internal/event"
	"mgw/runtime/internal/lease/redistest"
	"mgw/runtime/internal/limit"
)

// redisServer is a Redis of the test's own.
type redisServer struct{ *redistest.Server }

func startRedis(t testing.TB) *redisServer { return &redisServer{redistest.Start(t)} }

func (s *redisServer) conf() string {
	return "store.type = 'redis'\nstore.redis.url = '" + s.URL() + "/0'\nstore.redis.timeout = '2s'\n"
}

func (s *redisServer) open(t testing.TB) *redisStore {
	t.Helper()
	c := conf(t, t.TempDir(), s.conf())
	r, err := openRedis(&c.Store.Redis, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.close() })
	return r
}

func TestRedisKeepsConditionsAndTemplates(t *testing.T) {
	s := startRedis(t)
	storeKeeps(t, s.open(t), func() store { return s.open(t) })
}

// TestRedisCountsAsTheGatewaysCoreDoes runs the same uses through the script
// and through the counting core.
func TestRedisCountsAsTheGatewaysCoreDoes(t *testing.T) {
	s := startRedis(t)
	store := s.open(t)
	table := limit.New(limit.Budget{})
	for _, algorithm := range []limit.Algorithm{limit.FixedWindow, limit.SlidingWindow, limit.TokenBucket} {
		for _, amounts := range [][]int64{{1}, {2}, {3}, {9}, {1, 1}, {1, 1, 1}, {1, 1, 1, 1}, {2, 2}, {1, 9, 1}} {
			name := fmt.Sprint(algorithmNames[algorithm], amounts)
			l := &limited{name: name, limit: limit.Limit{Algorithm: algorithm, Count: 3, Window: 365 * 24 * int64(time.Hour)}}
			var err error
			if l.rule, err = table.Rule(name, limit.Verified, l.limit); err != nil {
				t.Fatal(err)
			}
			shared, local := newSharedCounter(store, failingCounter{t}), newLocalCounter(table)
			toldShared, toldLocal := int64(0), int64(0)
			for i, n := range amounts {
				uses := []use{{charge{l, name}, n}}
				for _, v := range shared.count(0, uses) {
					toldShared = v.expiry
				}
				for _, v := range local.count(time.Now().UnixNano(), uses) {
					toldLocal = v.expiry
				}
				// A second for the time between the two.
				if d := toldShared - toldLocal; d < -1000 || d > 1000 {
					t.Errorf("%s, use %d: until %d, want %d", name, i, toldShared, toldLocal)
				}
			}
		}
	}
}

// failingCounter fails the test when a shared counter has to do without Redis.
type failingCounter struct{ t *testing.T }

func (c failingCounter) count(int64, []use) []verdict {
	c.t.Error("counted without Redis")
	return nil
}

func TestManagersThatShareARedisCountTogether(t *testing.T) {
	s := startRedis(t)
	const policies = "applicationPolicies:\n  - Gold: {count: 100, unitTime: 1, timeUnit: year}\n"
	a := run(t, conf(t, t.TempDir(), noBroker+s.conf()), policies)
	b := run(t, conf(t, t.TempDir(), noBroker+s.conf()), policies)
	var group sync.WaitGroup
	for _, f := range []*fixture{a, b} {
		group.Go(func() {
			for range 33 {
				f.post(t, gold)
			}
		})
	}
	group.Wait()
	a.post(t, repeat(gold, 33)...)
	a.counted(t)
	b.counted(t)
	if got := a.throttled(t); len(got) != 0 {
		t.Errorf("throttled at 99: %v", got)
	}
	b.post(t, gold)
	b.counted(t)
	// The other one answers what it has not decided itself, at once.
	if got := a.throttled(t)["a:u"]; got == nil {
		t.Error("the other manager does not know")
	}
	a.ask(t, "POST", blocksPath, `{"conditionType":"API","conditionValue":"/p"}`)
	if _, got := b.ask(t, "GET", dataPath+"/block", ""); !strings.Contains(got, `"api":["/p"]`) {
		t.Error(got)
	}
	b.ask(t, "DELETE", blocksPath+"/1", "")
	if _, got := a.ask(t, "GET", dataPath+"/block", ""); !strings.Contains(got, `"api":[]`) {
		t.Error(got)
	}
	c := run(t, conf(t, t.TempDir(), noBroker+s.conf()), policies)
	if got := c.ledger.some([]string{"a:u"}); len(got) != 1 {
		t.Error("a manager that starts does not know")
	}
}

func TestDecisionOfAManagerThatDiedIsPublishedByAnother(t *testing.T) {
	s := startRedis(t)
	b := commonBroker(t)
	l := listenTo(t, b)
	connect(t, run(t, conf(t, t.TempDir(), brokerConf(b)+s.conf()), testPolicies))
	// It has no broker: it decides, records, and never publishes.
	mute := run(t, conf(t, t.TempDir(), noBroker+s.conf()), testPolicies)
	e := event.Event{ResourceKey: "r", ResourceTier: "Plain"}
	mute.post(t, e, e)
	await(t, "the decision", func() bool { return l.has("r_default") })
	store := s.open(t)
	await(t, "the mark", func() bool {
		n, err := store.client.ZCard(t.Context(), store.key("unpublished")).Result()
		return err == nil && n == 0
	})
	if !l.find(func(m event.Message) bool { d, ok := m.(*event.Decision); return ok && d.Conditional }) {
		t.Error("the conditions were lost on the way")
	}
	count := len(l.keys())
	time.Sleep(adoptAfter + 2*followEvery) // whoever publishes it again would have done so
	if got := len(l.keys()); got != count {
		t.Errorf("published %d times", got)
	}
}

func TestBatchThatWentToTwoManagersIsCountedOnce(t *testing.T) {
	s := startRedis(t)
	one := run(t, conf(t, t.TempDir(), noBroker+s.conf()), testPolicies)
	two := run(t, conf(t, t.TempDir(), noBroker+s.conf()), testPolicies)
	fields := stamped("n", 1, time.Now())
	for _, f := range []*fixture{one, two} {
		f.ask(t, "POST", eventPath, string(bodyWith(gold, gold)), fields...)
		f.counted(t)
	}
	if got := two.throttled(t); len(got) != 0 {
		t.Errorf("throttled by two events of three: %v", got)
	}
	if got := two.status().Events.Repeated; got != 1 {
		t.Errorf("%d repeats", got)
	}
	two.ask(t, "POST", eventPath, string(bodyWith(gold)), stamped("n", 2, time.Now())...)
	two.counted(t)
	if one.throttled(t)["a:u"] == nil {
		t.Error("not throttled by three events")
	}
}

func TestManagersThatShareARedisPublishEachDecisionOnce(t *testing.T) {
	s := startRedis(t)
	b := commonBroker(t)
	one := connect(t, run(t, conf(t, t.TempDir(), brokerConf(b)+s.conf()), testPolicies))
	two := connect(t, run(t, conf(t, t.TempDir(), brokerConf(b)+s.conf()), testPolicies))
	l := listenTo(t, b)
	var group sync.WaitGroup
	for _, f := range []*fixture{one, two} {
		group.Go(func() {
			for i := range 30 {
				e := event.Event{AppKey: fmt.Sprint("k", i), AppTier: "Gold", UserID: fmt.Sprint(i)}
				f.post(t, e, e) // three of the four spend the limit
			}
		})
	}
	group.Wait()
	all := func() int {
		distinct := map[string]bool{}
		for _, key := range l.keys() {
			distinct[key] = true
		}
		return len(distinct)
	}
	await(t, "all decisions", func() bool { return all() == 60 }) // of applications and of the custom policy
	time.Sleep(adoptAfter + 2*followEvery)                        // whoever publishes one again would have done so
	if got := len(l.keys()); got != 60 {
		t.Errorf("%d messages about 60 keys", got)
	}
}

func TestRedisForgetsWhatIsOver(t *testing.T) {
	s := startRedis(t)
	store := s.open(t)
	l := &limited{name: "l", limit: limit.Limit{Count: 1, Window: int64(50 * time.Millisecond)}}
	var uses []use
	for i := range 2*step + 7 {
		uses = append(uses, use{charge{l, fmt.Sprint("k", i)}, 1})
	}
	if got := len(newSharedCounter(store, failingCounter{t}).count(0, uses)); got != len(uses) {
		t.Fatalf("%d decisions", got)
	}
	left := func() []string {
		keys, err := store.client.Keys(t.Context(), "*").Result()
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(keys)
		return keys
	}
	await(t, "everything to be gone", func() bool {
		if err := store.expired(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		return slices.Equal(left(), []string{"{mgw-tm}:sequence"})
	})
}

func TestManagerCountsAloneWhileRedisIsAway(t *testing.T) {
	s := startRedis(t)
	f := run(t, conf(t, t.TempDir(), noBroker+s.conf()), testPolicies)
	f.post(t, gold)
	f.counted(t)
	s.Stop(t)
	f.post(t, gold, gold, gold)
	f.counted(t)
	await(t, "the key to be throttled", func() bool { return f.throttled(t)["a:u"] != nil })
	if _, body := f.ask(t, "GET", "/health?verbose", ""); !strings.Contains(body, `"store":"failing"`) {
		t.Error(body)
	}
	if status, _ := f.ask(t, "POST", blocksPath, `{"conditionType":"API","conditionValue":"/p"}`); status != 503 {
		t.Errorf("a change that cannot be stored: %d", status)
	}
	s.Start(t)
	await(t, "Redis to be in use again", func() bool {
		_, body := f.ask(t, "GET", "/health?verbose", "")
		return strings.Contains(body, `"store":"ok"`)
	})
	other := event.Event{AppKey: "other", AppTier: "Gold"}
	f.post(t, other, other, other)
	f.counted(t)
	// An emptied Redis begins its sequence anew.
	g := run(t, conf(t, t.TempDir(), noBroker+s.conf()), testPolicies)
	if g.throttled(t)["other"] == nil {
		t.Error("the decision is not in Redis")
	}
	more := event.Event{AppKey: "more", AppTier: "Gold"}
	g.post(t, more, more, more)
	g.counted(t)
	if f.throttled(t)["more"] == nil {
		t.Error("the manager that saw Redis go does not see what is new")
	}
}

func TestRedisThatCannotBeReachedIsSaidAtTheStart(t *testing.T) {
	for _, url := range []string{"redis://127.0.0.1:1/0", "http://localhost", "localhost:6379"} {
		c := conf(t, t.TempDir(), "store.type = 'redis'\nstore.redis.url = '"+url+"'\n")
		if _, err := openRedis(&c.Store.Redis, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "store.redis.url") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
