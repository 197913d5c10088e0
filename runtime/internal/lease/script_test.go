package lease

import (
	"context"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// clockKey holds the time that scripts of these tests read instead of TIME.
const clockKey = "clock"

func withClock(script string) *redis.Script {
	return redis.NewScript(strings.Replace(script, "redis.call('TIME')",
		"{math.floor(tonumber(redis.call('GET', '"+clockKey+"')) / 1000000), tonumber(redis.call('GET', '"+clockKey+"')) % 1000000}", 1))
}

// The schedules of the invariants run against a model of the script; so the
// two must give the same answers to whatever nodes may say.
func TestScriptAnswersAsItsModel(t *testing.T) {
	s := startRedis(t)
	client := s.client()
	defer client.Close()
	ctx := context.Background()
	lease, announce := withClock(leaseScript), withClock(announceScript)
	specs := []Spec{
		{Key: "second", Count: 100, Window: time.Second, Reserve: true},
		{Key: "loose", Count: 7, Window: time.Second},
		{Key: "minute", Count: 5000, Window: time.Minute, Reserve: true},
		{Key: "smooth", Count: 1000, Window: time.Second, Smooth: true, Reserve: true},
		{Key: "slow", Count: 3, Window: time.Minute, Smooth: true},
	}
	rng := rand.New(rand.NewPCG(1, 2))
	m, st := newModel(), &store{prefix: "mgw", slots: 1}
	now := int64(1_800_000_000_123_456)
	last := map[string]answer{}
	nonce := uint64(0)
	rounds := 4000
	if testing.Short() || raceEnabled {
		rounds = 1000
	}
	for i := range rounds {
		now += rng.Int64N([]int64{10, 3000, 50_000, 2_000_000}[rng.IntN(4)])
		switch rng.IntN(200) {
		case 0:
			now -= rng.Int64N(90_000_000)
		case 1:
			m.empty()
			client.FlushAll(ctx)
		case 2:
			now += 700_000_000
		}
		client.Set(ctx, clockKey, now, 0)
		node := "n" + strconv.Itoa(rng.IntN(4))
		if rng.IntN(8) == 0 {
			live := []int64{5_000_000, 0}[rng.IntN(6)/5]
			reply, err := announce.Run(ctx, client, []string{"mgw:{0}:nodes", "mgw:{0}:mark"}, node, live).Result()
			numbers, err2 := integers(reply, 3)
			want := m.announce(node, now, live)
			if err != nil || err2 != nil || numbers[0]*1000 != want.time || numbers[1] != want.nodes || numbers[2] != want.since {
				t.Fatalf("step %d: announced %v %v %v, want %+v", i, numbers, err, err2, want)
			}
			continue
		}
		sp := specs[rng.IntN(len(specs))]
		c := someCall(rng, &sp, last[sp.Key], now, &nonce)
		reply, err := lease.Run(ctx, client, st.keys(&sp), c.args(node, &sp)...).Result()
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		got, err := parseAnswer(reply)
		if err != nil {
			t.Fatalf("step %d: %v of %v", i, err, reply)
		}
		if want := m.run(node, now, &c, &sp); !reflect.DeepEqual(got, want) {
			t.Fatalf("step %d: %s says %+v\n got %+v\nwant %+v", i, node, c, got, want)
		}
		last[sp.Key] = got
	}
}

// someCall is what a node might say, or one that remembers wrongly.
func someCall(rng *rand.Rand, sp *Spec, seen answer, now int64, nonce *uint64) call {
	*nonce++
	window := now / (sp.period() / 1000)
	c := call{nonce: *nonce, asked: window, seen: seen.window, id: seen.id, gross: seen.gross, most: seen.most, share: -1}
	if sp.Smooth {
		c.seen = seen.account
	}
	if rng.IntN(10) == 0 {
		c.nonce = uint64(rng.Int64N(int64(*nonce)))
	}
	if rng.IntN(6) == 0 {
		c.asked = []int64{noWindow, window - 1, window + 1}[rng.IntN(3)]
	}
	if rng.IntN(2) == 0 {
		c.want = rng.Int64N(40)
		c.need = rng.Int64N(c.want + 1)
	}
	if rng.IntN(4) == 0 {
		c.back, c.used = rng.Int64N(5), rng.Int64N(20)
	}
	if rng.IntN(20) == 0 {
		c.id, c.gross, c.most = seen.id+rng.Int64N(2), seen.gross+rng.Int64N(3), rng.Int64N(sp.Count)
	}
	if sp.Reserve {
		c.share, c.shares = rng.Int64N(sp.Count/2), rng.Int64N(sp.Count)
		c.leaving = rng.IntN(30) == 0
	}
	return c
}

func FuzzAnswer(f *testing.F) {
	f.Add(int64(1_800_000_000_000_000), int64(5), int64(2), 15)
	f.Add(int64(-1), int64(1<<62), int64(-9), 14)
	f.Fuzz(func(t *testing.T, a, b, c int64, n int) {
		list := make([]any, max(0, min(n, 40)))
		for i := range list {
			list[i] = []int64{a, b, c, a - b, 1}[i%5]
		}
		got, err := parseAnswer(list)
		if err != nil {
			return
		}
		// Whatever passed must leave the machine usable.
		var h hot
		sp := Spec{Key: "k", Count: 10, Window: time.Second, Reserve: true, OnFailure: Share}
		m := newMachine(sp, &h)
		for now := int64(1e9); now < 5e9; now += 3e8 {
			if call, ok := m.poll(now, 1); ok {
				m.answered(now+1e6, call.nonce, got)
			}
			h.take(now + 2e6)
		}
	})
}

func TestAnswersThatTheScriptDoesNotGiveAreErrors(t *testing.T) {
	good := make([]any, 15)
	for i := range good {
		good[i] = int64(1)
	}
	if _, err := parseAnswer(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func([]any) any{
		"nothing":          func([]any) any { return nil },
		"a text":           func([]any) any { return "OK" },
		"too few":          func(l []any) any { return l[:14] },
		"too many":         func(l []any) any { return append(l, int64(1)) },
		"a text in it":     func(l []any) any { l[2] = "1"; return l },
		"no time":          func(l []any) any { l[0] = int64(0); return l },
		"endless time":     func(l []any) any { l[0] = int64(1 << 62); return l },
		"a negative grant": func(l []any) any { l[2] = int64(-1); return l },
		"a vast grant":     func(l []any) any { l[2] = int64(1 << 33); return l },
		"no nodes":         func(l []any) any { l[10] = int64(0); return l },
		"a negative wait":  func(l []any) any { l[11] = int64(-1); return l },
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseAnswer(change(append([]any{}, good...))); err == nil {
				t.Error("accepted")
			}
		})
	}
}
