package trafficmanager

import (
	"context"
	_ "embed"
	"errors"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"mgw/runtime/internal/event"
	"mgw/runtime/internal/limit"
)

//go:embed count.lua
var countSource string

var countScript = redis.NewScript(countSource)

// sharedCounter counts in Redis, together with other managers. While Redis is
// away it counts by itself.
type sharedCounter struct {
	store *redisStore
	alone counter
	out   []verdict
	args  []any
}

func newSharedCounter(s *redisStore, alone counter) *sharedCounter {
	return &sharedCounter{store: s, alone: alone}
}

var algorithmNames = map[limit.Algorithm]string{
	limit.FixedWindow: "fixed", limit.SlidingWindow: "sliding", limit.TokenBucket: "bucket",
}

func (c *sharedCounter) count(now int64, uses []use) []verdict {
	c.out = c.out[:0]
	for from := 0; from < len(uses); from += step {
		part := uses[from:min(from+step, len(uses))]
		verdicts, err := c.ask(part)
		c.store.outage.note(c.store.log, err)
		if err != nil {
			verdicts = c.alone.count(now, part)
		}
		for _, v := range verdicts {
			v.use += from
			c.out = append(c.out, v)
		}
	}
	return c.out
}

func (c *sharedCounter) ask(uses []use) ([]verdict, error) {
	c.args = c.args[:0]
	for i := range uses {
		u, conditions := &uses[i], noConditions
		if u.of.conditional {
			conditions = u.of.evaluated()
		}
		l := &u.of.limit
		c.args = append(c.args, u.of.name, u.key, algorithmNames[l.Algorithm], l.Count,
			l.Window/int64(time.Millisecond), u.amount, l.Bytes, conditions)
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	reply, err := countScript.Run(ctx, c.store.client, []string{c.store.prefix}, c.args...).Slice()
	if err != nil {
		return nil, err
	}
	verdicts := make([]verdict, 0, len(reply))
	for _, r := range reply {
		v, err := verdictOf(r, len(uses))
		if err != nil {
			return nil, err
		}
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}

var errReply = errors.New("an answer of Redis that is not a decision")

func verdictOf(reply any, uses int) (verdict, error) {
	fields, ok := reply.([]any)
	if !ok || len(fields) != 3 {
		return verdict{}, errReply
	}
	var n [3]int64
	for i, f := range fields {
		if n[i], ok = f.(int64); !ok {
			return verdict{}, errReply
		}
	}
	if n[0] < 1 || n[0] > int64(uses) {
		return verdict{}, errReply
	}
	return verdict{int(n[0] - 1), n[1], n[2]}, nil
}

// claimFor is how long a batch is remembered: gateways send it again until the
// minute is over in which its first event happened.
const claimFor = time.Minute

// claim leaves the batches that no manager has counted: a gateway that got no
// answer from one sends its batch to the next. While Redis is away it leaves
// all.
func (m *Manager) claim(batches []*batch) []*batch {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	first := make([]*redis.BoolCmd, len(batches))
	pipe := m.shared.client.Pipeline()
	for i, b := range batches {
		if b.id != "" {
			first[i] = pipe.SetNX(ctx, m.shared.key("batch:"+b.id), 1, claimFor)
		}
	}
	if pipe.Len() == 0 {
		return batches
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return batches // counting finds Redis away too, and says so
	}
	kept := batches[:0]
	for i, b := range batches {
		if first[i] == nil || first[i].Val() {
			kept = append(kept, b)
			continue
		}
		m.receiver.repeated.Add(1)
	}
	return kept
}

// How managers look at what others did.
const (
	followEvery = 250 * time.Millisecond
	// adoptAfter is how long a decision stays unmarked before any manager
	// publishes it: the one that made it may have died.
	adoptAfter = time.Second
)

// follow takes in what other managers decide, and publishes what they did not.
func (m *Manager) follow(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case done := <-m.shared.marks:
			m.shared.mark(ctx, done)
		case <-tick.C:
			err := m.catchUp(ctx)
			if err == nil && m.outbox.connected() {
				err = m.adopt(ctx)
			}
			if ctx.Err() == nil {
				m.shared.outage.note(m.options.Log, err)
			}
		}
	}
}

// fresh brings this manager up to date before it answers. If it cannot, the
// answer is what is known here.
func (m *Manager) fresh(next http.HandlerFunc) http.HandlerFunc {
	if m.shared == nil {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if err := m.catchUp(r.Context()); r.Context().Err() == nil {
			m.shared.outage.note(m.options.Log, err)
		}
		next(w, r)
	}
}

// catchUp takes in what other managers decided and changed. Meanwhile nothing
// is changed here: what was read before would undo it.
func (m *Manager) catchUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	m.changing.Lock()
	defer m.changing.Unlock()
	return m.shared.catchUp(ctx, func(d *held) { m.ledger.add(d) }, func(blocks []event.Block, templates []string) {
		added, removed := m.registry.replace(blocks, templates)
		for _, msg := range removed {
			m.push(msg, true)
		}
		for _, msg := range added {
			m.push(msg, false)
		}
	})
}

var unpublishedScript = redis.NewScript(`
local time = redis.call('TIME')
local until_ = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1])
return redis.call('ZRANGEBYSCORE', KEYS[1] .. ':unpublished', '-inf', until_, 'LIMIT', 0, ARGV[2])`)

// adopt publishes decisions that stayed unmarked.
func (m *Manager) adopt(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	keys, err := unpublishedScript.Run(ctx, m.shared.client, []string{m.shared.prefix}, adoptAfter.Milliseconds(), step).StringSlice()
	if err != nil {
		return err
	}
	m.publish(m.ledger.some(keys))
	return nil
}

// delivered hears what was published. It must not hold the publisher up: what
// is not marked is published once more.
func (s *redisStore) delivered(all []*held) {
	select {
	case s.marks <- all:
	default:
	}
}

var markScript = redis.NewScript(`
local set = KEYS[1] .. ':unpublished'
for i = 1, #ARGV, 2 do
  local score = redis.call('ZSCORE', set, ARGV[i])
  if score and tonumber(score) <= tonumber(ARGV[i + 1]) then redis.call('ZREM', set, ARGV[i]) end
end`)

func (s *redisStore) mark(ctx context.Context, all []*held) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for from := 0; from < len(all); from += step {
		var args []any
		for _, d := range all[from:min(from+step, len(all))] {
			args = append(args, d.Key, d.Sent)
		}
		if err := markScript.Run(ctx, s.client, []string{s.prefix}, args...).Err(); err != nil && !errors.Is(err, redis.Nil) {
			return // they are published once more
		}
	}
}
