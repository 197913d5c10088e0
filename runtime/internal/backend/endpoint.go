package backend

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// endpoint is a spec.Endpoint, ready to be asked.
type endpoint struct {
	name          string
	kind          spec.EndpointType
	algorithm     spec.Balance
	authorization string // "" for none
	retry         *retry // nil: none
	retries       atomic.Uint64
	check         *spec.HealthCheck // nil: none

	services []*service // URLs whose targets come from the DNS
	fixed    []*target  // the others
	set      atomic.Pointer[set]
	turn     atomic.Uint32 // whose it is
}

// target is one URL.
type target struct {
	to      exchange.Target
	way     atomic.Pointer[exchange.Upstream]
	host    string
	prefix  string // of the path, without a slash at the end
	query   string // that comes before the request's
	whole   bool   // the base path goes along
	weight  int
	rank    int // those of a smaller one are asked first
	health  health
	breaker *breaker     // nil: none
	flights atomic.Int64 // requests under way, where that is counted

	addresses []netip.Addr // what the name led to; the refresher's
}

func (b *Backends) newEndpoint(index int, s *spec.Endpoint) (*endpoint, error) {
	e := &endpoint{name: s.Name, kind: s.Type, algorithm: s.Algorithm, retry: newRetry(s.Advanced.Retry), check: s.HealthCheck}
	urls := s.URLs
	switch {
	case len(urls) == 0:
		return nil, errors.New("there is no URL")
	case len(urls) > maxTargets:
		return nil, fmt.Errorf("there are %d URLs; at most %d are supported", len(urls), maxTargets)
	case s.Type == spec.HTTP:
		urls = urls[:1]
	}
	for i, raw := range urls {
		u, err := parseURL(raw)
		if err != nil {
			return nil, err
		}
		weight, rank := 1, 0
		if i < len(s.Weights) {
			weight = s.Weights[i]
		}
		if s.Type == spec.Failover {
			rank = i << 16 // priorities of records come behind it
		}
		if strings.HasPrefix(raw, spec.ServiceRecord) {
			e.services = append(e.services, &service{url: u, rank: rank, advanced: &s.Advanced})
			continue
		}
		e.fixed = append(e.fixed, b.newTarget(u, &s.Advanced, weight, rank))
	}
	e.set.Store(newSet(e.fixed))
	return e, b.secure(e, index, s.Security)
}

func (b *Backends) secure(e *endpoint, index int, s *spec.EndpointSecurity) error {
	if s == nil {
		return nil
	}
	var password string
	ok := b.options.Password != nil
	if ok {
		password, ok = b.options.Password(index)
	}
	if !ok {
		return fmt.Errorf("security needs a password: set %s_prod_basic_password or %[1]s_sand_basic_password in the environment", e.name)
	}
	e.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(s.Username+":"+password))
	return nil
}

// parseURL reads one that an endpoint has. That of a service has the scheme of
// its targets then.
func parseURL(raw string) (*url.URL, error) {
	plain, isService := strings.CutPrefix(raw, spec.ServiceRecord)
	u, err := url.Parse(plain)
	known := false
	if err == nil {
		_, known = spec.URLSchemes[u.Scheme]
	}
	switch {
	case err != nil:
		// The parser's message repeats the URL, which may hold a password.
		return nil, errors.New("a URL is malformed")
	case u.User != nil:
		return nil, fmt.Errorf("the URL of %s holds a credential: use securityConfig", u.Host)
	case !known:
		return nil, fmt.Errorf("URL %q: the scheme is none of http, https, h2c, grpc and grpcs", raw)
	case u.Hostname() == "":
		return nil, fmt.Errorf("URL %q names no host", raw)
	case u.Fragment != "":
		return nil, fmt.Errorf("URL %q has a fragment", raw)
	case isService && u.Port() != "":
		return nil, fmt.Errorf("URL %q has a port, which SRV records give", raw)
	}
	return u, nil
}

func (b *Backends) newTarget(u *url.URL, advanced *spec.Advanced, weight, rank int) *target {
	t := &target{
		to:     b.way(u, advanced),
		host:   u.Host,
		prefix: strings.TrimSuffix(u.EscapedPath(), "/"),
		query:  u.RawQuery,
		weight: weight,
		rank:   rank,
		whole:  spec.URLSchemes[u.Scheme].Whole,
	}
	if advanced.CircuitBreaker != nil {
		t.breaker = newBreaker(advanced.CircuitBreaker, b.now)
	}
	b.open(t)
	return t
}

// open gives the target connections of its own, and ends those it had.
func (b *Backends) open(t *target) {
	way := b.options.Transport.Open(t.to)
	if before := t.way.Swap(&way); before != nil {
		(*before).Close()
	}
}

// way is what a transport needs to know of a URL.
func (b *Backends) way(u *url.URL, advanced *spec.Advanced) exchange.Target {
	pool := b.options.Pool
	if advanced.Pool != nil {
		pool = *advanced.Pool
	}
	scheme := spec.URLSchemes[u.Scheme]
	to := exchange.Target{
		Secure:    scheme.Secure,
		HTTP2:     scheme.HTTP2,
		Address:   u.Host,
		Host:      u.Host,
		Timeout:   b.options.Timeout,
		MaxActive: max(pool.MaxActive, 0),
		MaxIdle:   pool.MaxIdle,
		Wait:      time.Duration(pool.WaitMillis) * time.Millisecond,
	}
	if u.Port() == "" {
		port := "80"
		if to.Secure {
			port = "443"
		}
		to.Address = net.JoinHostPort(u.Hostname(), port)
	}
	// Contract 2.3: what is not said.
	if to.MaxIdle <= 0 {
		to.MaxIdle = 100
	}
	if to.Wait <= 0 {
		to.Wait = 30 * time.Second
	}
	if advanced.TimeoutMillis > 0 {
		to.Timeout = time.Duration(advanced.TimeoutMillis) * time.Millisecond
	}
	return to
}

// failsOver tells statuses on which the next target is asked (contract 2.3).
func (e *endpoint) failsOver(status int) bool {
	return e.kind == spec.Failover && status >= 501 && status <= 504
}

// appendTarget appends the request target: the endpoint's path, the request's
// without the base path, and both queries, all as they came.
func (b *Backends) appendTarget(buf []byte, x *exchange.Exchange, t *target) []byte {
	path := x.Path
	at := 0
	for slashes := b.depths[x.API.ID]; at < len(path) && !t.whole; at++ {
		if path[at] == '/' {
			if slashes == 0 {
				break
			}
			slashes--
		}
	}
	buf = append(buf, t.prefix...)
	buf = append(buf, path[at:]...)
	if len(buf) == 0 {
		buf = append(buf, '/')
	}
	asked := len(x.Query) > 0 || len(x.Target) > 0 && x.Target[len(x.Target)-1] == '?'
	if t.query != "" || asked {
		buf = append(append(buf, '?'), t.query...)
	}
	if t.query != "" && asked {
		buf = append(buf, '&')
	}
	return append(buf, x.Query...)
}
