package trafficmanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"mgw/runtime/config"
	"mgw/runtime/internal/event"
)

// redisStore is a Redis that several managers share. It also counts for them
// (see sharedCounter), which is what records decisions.
//
//	PREFIX:count:LIMIT:KEY[:START]  used in a window
//	PREFIX:batch:ID                 a batch that was counted
//	PREFIX:decisions                hash: throttleKey -> "expiry decided conditions"
//	PREFIX:expiry                   sorted set: throttleKeys by expiry
//	PREFIX:news, PREFIX:sequence    sorted set: throttleKeys by the order of decisions
//	PREFIX:unpublished              sorted set: throttleKeys by the time of decisions
//	PREFIX:blocks, PREFIX:templates conditions by id, templates; PREFIX:version counts their changes
type redisStore struct {
	client *redis.Client
	prefix string
	log    *slog.Logger
	outage outage
	marks  chan []*held // published, to be marked

	// Used by one caller of catchUp at a time.
	cursor  int64 // of the sequence: decisions up to it are known
	version int64 // of conditions and templates
}

// The client has a log of its own, on standard error. Failures come back as
// errors, and are logged here.
func init() { redis.SetLogger(&logging.VoidLogger{}) }

// openRedis connects, and fails when it cannot.
func openRedis(c *config.ManagerRedis, log *slog.Logger) (*redisStore, error) {
	options, err := redis.ParseURL(c.URL.Reveal())
	if err != nil {
		return nil, errors.New("store.redis.url is not redis://host:port/number or rediss://host:port/number")
	}
	if c.Account.Username != "" {
		options.Username = c.Account.Username
	}
	if !c.Account.Password.Empty() {
		options.Password = c.Account.Password.Reveal()
	}
	if c.CertificateFile != "" {
		name := ""
		if options.TLSConfig != nil {
			name = options.TLSConfig.ServerName
		}
		if options.TLSConfig, err = trusting(c.CertificateFile); err != nil {
			return nil, fmt.Errorf("store.redis.certificateFile: %w", err)
		}
		options.TLSConfig.ServerName = name
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = c.Timeout, c.Timeout, c.Timeout
	options.MaxRetries = -1 // a repeated script would count twice
	options.DialerRetries = 1
	options.DisableIdentity = true
	s := &redisStore{
		client: redis.NewClient(options),
		prefix: "{" + c.KeyPrefix + "}", // one slot of a Redis cluster
		log:    log,
		marks:  make(chan []*held, 64),
	}
	s.outage.what = "Redis is away, this manager counts alone"
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := s.client.Ping(ctx).Err(); err != nil {
		s.client.Close()
		return nil, fmt.Errorf("store.redis.url: %w", err)
	}
	return s, nil
}

func (s *redisStore) close() error { return s.client.Close() }

func (s *redisStore) key(name string) string { return s.prefix + ":" + name }

func (s *redisStore) load(ctx context.Context) (saved, error) {
	var all saved
	err := s.catchUp(ctx, func(d *held) { all.decisions = append(all.decisions, d) }, func(blocks []event.Block, templates []string) {
		all.blocks, all.templates = blocks, templates
	})
	return all, err
}

// decided has nothing to do: counting recorded the decisions.
func (s *redisStore) decided(context.Context, []*held) error { return nil }

// step bounds what one call to Redis handles.
const step = 500

// catchUp reads what is new since the last time: decisions, and all conditions
// and templates if one has changed. It is called once at a time.
func (s *redisStore) catchUp(ctx context.Context, decided func(*held), changed func([]event.Block, []string)) error {
	for more := true; more; {
		pipe := s.client.Pipeline()
		sequence, version := pipe.Get(ctx, s.key("sequence")), pipe.Get(ctx, s.key("version"))
		news := pipe.ZRangeByScoreWithScores(ctx, s.key("news"), &redis.ZRangeBy{
			Min: "(" + strconv.FormatInt(s.cursor, 10), Max: "+inf", Count: step,
		})
		if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
		if last, _ := sequence.Int64(); last < s.cursor { // Redis was emptied
			s.cursor = 0
			continue
		}
		if err := s.decisions(ctx, news.Val(), decided); err != nil {
			return err
		}
		more = len(news.Val()) == step
		if v, _ := version.Int64(); v != s.version {
			if err := s.conditions(ctx, changed); err != nil {
				return err
			}
			s.version = v
		}
	}
	return nil
}

func (s *redisStore) decisions(ctx context.Context, news []redis.Z, decided func(*held)) error {
	if len(news) == 0 {
		return nil
	}
	keys := make([]string, len(news))
	for i, z := range news {
		keys[i], _ = z.Member.(string)
	}
	values, err := s.client.HMGet(ctx, s.key("decisions"), keys...).Result()
	if err != nil {
		return err
	}
	for i, v := range values {
		text, ok := v.(string)
		if !ok { // it is over already
			continue
		}
		d, err := parseRecord(keys[i], text)
		if err != nil {
			return fmt.Errorf("decision on %q: %w", keys[i], err)
		}
		decided(d)
	}
	s.cursor = int64(news[len(news)-1].Score)
	return nil
}

// noConditions stands for a decision without evaluatedConditions.
const noConditions = "-"

// parseRecord reads "expiry decided conditions".
func parseRecord(key, text string) (*held, error) {
	expiry, rest, _ := strings.Cut(text, " ")
	decided, conditions, _ := strings.Cut(rest, " ")
	fields := map[string]any{"throttleKey": key, "isThrottled": true, "expiryTimeStamp": expiry}
	if conditions != noConditions {
		fields["evaluatedConditions"] = conditions
	}
	sent, err := strconv.ParseInt(decided, 10, 64)
	if err != nil {
		return nil, event.ErrNoDecision
	}
	m, err := event.ParseMap(fields, sent)
	if err != nil {
		return nil, err
	}
	d, ok := m.(*event.Decision)
	if !ok {
		return nil, event.ErrNoDecision
	}
	return newHeld(d)
}

func (s *redisStore) conditions(ctx context.Context, changed func([]event.Block, []string)) error {
	values, err := s.client.HGetAll(ctx, s.key("blocks")).Result()
	if err != nil {
		return err
	}
	var blocks []event.Block
	for id, text := range values {
		var b event.Block
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			return fmt.Errorf("blocking condition %s: %w", id, err)
		}
		blocks = append(blocks, b)
	}
	templates, err := s.client.SMembers(ctx, s.key("templates")).Result()
	if err != nil {
		return err
	}
	changed(blocks, templates)
	return nil
}

// expireScript forgets decisions that are over, some at a time.
var expireScript = redis.NewScript(`
local p, time = KEYS[1], redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local old = redis.call('ZRANGEBYSCORE', p .. ':expiry', '-inf', '(' .. now, 'LIMIT', 0, ARGV[1])
for _, key in ipairs(old) do
  redis.call('HDEL', p .. ':decisions', key)
  for _, set in ipairs({':expiry', ':news', ':unpublished'}) do redis.call('ZREM', p .. set, key) end
end
return #old`)

func (s *redisStore) expired(ctx context.Context, _ int64) error {
	for {
		n, err := expireScript.Run(ctx, s.client, []string{s.prefix}, step).Int()
		if err != nil || n < step {
			return err
		}
	}
}

func (s *redisStore) addBlock(ctx context.Context, b event.Block) (int64, error) {
	id, err := s.client.Incr(ctx, s.key("lastBlock")).Result()
	if err != nil {
		return 0, err
	}
	b.ID = id
	text, err := json.Marshal(b)
	if err != nil {
		return 0, err
	}
	return id, s.change(ctx, func(p redis.Pipeliner) { p.HSet(ctx, s.key("blocks"), id, text) })
}

func (s *redisStore) removeBlock(ctx context.Context, id int64) error {
	return s.change(ctx, func(p redis.Pipeliner) { p.HDel(ctx, s.key("blocks"), strconv.FormatInt(id, 10)) })
}

func (s *redisStore) addTemplate(ctx context.Context, template string) error {
	return s.change(ctx, func(p redis.Pipeliner) { p.SAdd(ctx, s.key("templates"), template) })
}

func (s *redisStore) removeTemplate(ctx context.Context, template string) error {
	return s.change(ctx, func(p redis.Pipeliner) { p.SRem(ctx, s.key("templates"), template) })
}

// change does something to conditions or templates, so that other managers
// notice.
func (s *redisStore) change(ctx context.Context, what func(redis.Pipeliner)) error {
	_, err := s.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		what(p)
		p.Incr(ctx, s.key("version"))
		return nil
	})
	return err
}
