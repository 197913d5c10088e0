package lease

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/fnv"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// store runs the scripts on Redis. Nothing is ever sent twice: a call that may
// have been executed is over.
type store struct {
	client   redis.UniversalClient
	node     string
	prefix   string
	slots    int // keys are spread over so many slots of a cluster
	timeout  time.Duration
	dial     time.Duration
	lease    *redis.Script
	announce *redis.Script
}

// clusterSlots is how many slots of a Redis Cluster the limits use. Each has
// its own list of nodes.
const clusterSlots = 16

// connections to one server: calls are pipelined, so few are enough. After as
// many failed dials as the pool has places, the client would try but once a
// second: the pool is much larger than what is used, so that a server is found
// again at once.
const connections, poolSize = 4, 4096

func newStore(o *Options) (*store, error) {
	u := &redis.UniversalOptions{
		DB: o.Database, Username: o.Username, Password: o.Password,
		MasterName: o.SentinelMaster, SentinelPassword: o.SentinelPassword,
		IsClusterMode: o.Cluster,
		// A call that was sent twice could grant, or give back, twice.
		MaxRetries: -1, MaxRedirects: -1, DialerRetries: 1,
		DialTimeout: o.DialTimeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, PoolTimeout: o.Timeout,
		ContextTimeoutEnabled: true,
		PoolSize:              poolSize,
		TLSConfig:             o.TLS, Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	for _, text := range o.URLs {
		if err := addURL(u, text); err != nil {
			return nil, err
		}
	}
	slots := 1
	if o.Cluster || len(u.Addrs) > 1 && u.MasterName == "" {
		slots, u.IsClusterMode = clusterSlots, true
		if u.DB != 0 {
			return nil, errors.New("lease: a Redis Cluster has no database but 0")
		}
	}
	// The client has a log of its own, on standard error. What it would say is an
	// error of a call, and is told as such.
	redis.SetLogger(&logging.VoidLogger{})
	return &store{
		client: redis.NewUniversalClient(u), node: o.Node, prefix: o.KeyPrefix, slots: slots,
		timeout: o.Timeout, dial: o.DialTimeout,
		lease: redis.NewScript(leaseScript), announce: redis.NewScript(announceScript),
	}, nil
}

// addURL adds a server; what its URL says counts where no option does. No
// error shows the URL, which may have a password.
func addURL(u *redis.UniversalOptions, text string) error {
	parsed, err := url.Parse(text)
	if err != nil {
		return errors.New("lease: a Redis URL that cannot be read")
	}
	if parsed.RawQuery != "" {
		return fmt.Errorf("lease: Redis URL of host %s: parameters are not supported", parsed.Host)
	}
	one, err := redis.ParseURL(text)
	if err != nil {
		return fmt.Errorf("lease: Redis URL of scheme %q: want redis://host:port/database, rediss:// or unix://", parsed.Scheme)
	}
	u.Addrs = append(u.Addrs, one.Addr)
	if u.Username == "" {
		u.Username = one.Username
	}
	if u.Password == "" {
		u.Password = one.Password
	}
	if u.DB == 0 {
		u.DB = one.DB
	}
	if one.TLSConfig != nil && u.TLSConfig == nil {
		u.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		if len(u.Addrs) == 1 && u.MasterName == "" {
			u.TLSConfig.ServerName = one.TLSConfig.ServerName
		}
	}
	return nil
}

// slot gives the slot that a key belongs to.
func (s *store) slot(key string) int {
	if s.slots == 1 {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(key))
	return int(h.Sum32() % uint32(s.slots))
}

// keys gives KEYS of the lease script.
func (s *store) keys(sp *Spec) []string {
	tag := s.tag(s.slot(sp.Key))
	shape := "w"
	if sp.Smooth {
		shape = "s"
	}
	// A limit whose window was changed is another one.
	state := tag + "l:" + shape + strconv.FormatInt(int64(sp.Window/time.Millisecond), 10) + ":" + sp.Key
	return []string{state, tag + "nodes", tag + "mark"}
}

func (s *store) tag(slot int) string { return s.prefix + ":{" + strconv.Itoa(slot) + "}:" }

// result is a call's answer, or why there is none.
type result struct {
	answer answer
	err    error
}

// calls runs a batch of calls in one round trip.
func (s *store) calls(ctx context.Context, batch []sending) []result {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	commands := make([]*redis.Cmd, len(batch))
	all := make([]int, len(batch))
	for i := range all {
		all[i] = i
	}
	s.pipeline(ctx, batch, commands, all, s.lease.EvalSha)
	// Calls of a server that does not know the script were not executed.
	var again []int
	for i, c := range commands {
		if c.Err() != nil && redis.HasErrorPrefix(c.Err(), "NOSCRIPT") {
			again = append(again, i)
		}
	}
	if again != nil {
		s.pipeline(ctx, batch, commands, again, s.lease.Eval)
	}
	results := make([]result, len(batch))
	for i, c := range commands {
		reply, err := c.Result()
		if err == nil {
			results[i].answer, err = parseAnswer(reply)
		}
		results[i].err = err
	}
	return results
}

type runScript func(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd

func (s *store) pipeline(ctx context.Context, batch []sending, into []*redis.Cmd, which []int, run runScript) {
	pipe := s.client.Pipeline()
	for _, i := range which {
		b := &batch[i]
		into[i] = run(ctx, pipe, s.keys(&b.limit.spec), b.call.args(s.node, &b.limit.spec)...)
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
}

// presence is what the server says to a node that announces itself.
type presence struct {
	time, nodes, since int64
}

// announceAll says in every slot that the node is there for ttl, or leaves.
func (s *store) announceAll(ctx context.Context, ttl time.Duration) ([]presence, error) {
	commands := make([]*redis.Cmd, s.slots)
	run := func(script runScript) error {
		pipe := s.client.Pipeline()
		for i := range commands {
			commands[i] = script(ctx, pipe, []string{s.tag(i) + "nodes", s.tag(i) + "mark"}, s.node, ttl.Microseconds())
		}
		_, err := pipe.Exec(ctx)
		return err
	}
	err := run(s.announce.EvalSha)
	if err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") {
		err = run(s.announce.Eval) // announcing twice does no harm
	}
	if err != nil {
		return nil, err
	}
	out := make([]presence, s.slots)
	for i, c := range commands {
		numbers, err := integers(c.Val(), 3)
		if err != nil || numbers[0] <= 0 || numbers[1] < 0 {
			return nil, errAnswer
		}
		out[i] = presence{numbers[0] * 1000, max(1, numbers[1]), numbers[2]}
	}
	return out, nil
}

// reason is an error as logs and statistics may show it.
func reason(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		text = text[:i]
	}
	return text[:min(len(text), 200)]
}
