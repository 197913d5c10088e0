package backend

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// endpoint is a spec.Endpoint, ready to be asked.
type endpoint struct {
	targets       []*target
	kind          spec.EndpointType
	authorization string        // "" for none
	turn          atomic.Uint32 // load balancing: whose it is
}

// target is one URL.
type target struct {
	exchange.Upstream
	host   string
	prefix string       // of the path, without a slash at the end
	query  string       // that comes before the request's
	dead   atomic.Int64 // until when others are asked first
}

// avoid is how long a target that could not be reached is left alone while
// others can.
const avoid = 5 * time.Second

// maxTargets is what a word has bits for.
const maxTargets = 63

func (b *Backends) newEndpoint(index int, s *spec.Endpoint) (*endpoint, error) {
	e := &endpoint{kind: s.Type}
	urls := s.URLs
	switch {
	case len(urls) == 0:
		return nil, errors.New("there is no URL")
	case len(urls) > maxTargets:
		return nil, fmt.Errorf("there are %d URLs; at most %d are supported", len(urls), maxTargets)
	case s.Type == spec.HTTP:
		urls = urls[:1]
	}
	for _, u := range urls {
		t, err := b.newTarget(u, &s.Advanced)
		if err != nil {
			return nil, err
		}
		e.targets = append(e.targets, t)
	}
	if s.Security != nil {
		if b.options.Password == nil {
			return nil, errors.New("security needs a password and there is none")
		}
		password, ok := b.options.Password(index)
		if !ok {
			return nil, errors.New("security needs a password and there is none")
		}
		e.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(s.Security.Username+":"+password))
	}
	return e, nil
}

func (b *Backends) newTarget(raw string, advanced *spec.Advanced) (*target, error) {
	u, err := url.Parse(raw)
	var scheme spec.URLScheme
	known := false
	if err == nil {
		scheme, known = spec.URLSchemes[u.Scheme]
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
	}
	pool := b.options.Pool
	if advanced.Pool != nil {
		pool = *advanced.Pool
	}
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
	return &target{
		Upstream: b.options.Transport.Open(to),
		host:     u.Host,
		prefix:   strings.TrimSuffix(u.EscapedPath(), "/"),
		query:    u.RawQuery,
	}, nil
}

// next gives the target to ask, of those that were not: in turn, or from the
// first on for failover; dead ones last.
func (e *endpoint) next(now int64, tried uint64) int {
	n := len(e.targets)
	start := 0
	if e.kind == spec.LoadBalance && n > 1 {
		start = int(e.turn.Add(1) % uint32(n))
	}
	dead := -1
	for i := range n {
		i = (start + i) % n
		switch {
		case tried&(1<<i) != 0:
		case e.targets[i].dead.Load() <= now:
			return i
		case dead < 0:
			dead = i
		}
	}
	return dead
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
	for slashes := b.depths[x.API.ID]; at < len(path); at++ {
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
