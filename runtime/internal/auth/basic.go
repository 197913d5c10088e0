package auth

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"runtime"

	"golang.org/x/sync/singleflight"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// User is one [b7a.users.NAME].
type User struct {
	Name string
	// Password is a digest: bcrypt ($2a$...), @sha256:{hex}, @sha384:{hex},
	// @sha512:{hex}, or the hexadecimal SHA-1 digest of contract section 8.
	Password string
	Scopes   []string
}

// users verifies user names and passwords. What was verified is cached, so a
// slow digest is paid once, not per request.
type users struct {
	byName map[string]*user
	// decoy is compared where there is no such user, slow in addition where a
	// user's digest is a fast one: how long an answer takes does not tell
	// whether the user exists.
	decoy, slow digest
	cache       *cache
	flights     singleflight.Group
	slots       slots // bounds how many processors slow digests keep busy
}

type user struct {
	digest    digest
	principal *exchange.Principal
}

func newUsers(o *Options) (*users, error) {
	u := &users{
		byName: map[string]*user{},
		cache:  newCache(min(o.CacheCapacity, 16*ways+2*len(o.Users))),
		slots:  make(slots, max(1, runtime.GOMAXPROCS(0)/2)),
	}
	cost := 0
	for _, configured := range o.Users {
		d, err := parseDigest(configured.Password)
		if err != nil {
			return nil, fmt.Errorf("user %q: %w", configured.Name, err)
		}
		if b, ok := d.(bcryptDigest); ok {
			cost = max(cost, b.cost())
		}
		u.byName[configured.Name] = &user{d, basicPrincipal(configured, len(o.APIs))}
	}
	u.decoy = shaDigest{"sha512", []byte(rand.Text())}
	if cost > 0 {
		var err error
		if u.slow, err = newBcryptDigest(cost); err != nil {
			return nil, err
		}
		u.decoy = u.slow
	}
	return u, nil
}

// basicPrincipal is contract 9.4, with an application for each user: under the
// original's common "anonymous" one user's requests would use up another's.
func basicPrincipal(u User, apis int) *exchange.Principal {
	p := &exchange.Principal{
		Kind:        exchange.Basic,
		Subject:     u.Name,
		Application: exchange.Application{ID: u.Name, Name: u.Name, Owner: u.Name},
		Scopes:      u.Scopes,
	}
	p.Prepare(apis)
	return p
}

// basic verifies the base64 text of a Basic credential (RFC 7617).
func (a *Authenticator) basic(ctx context.Context, text []byte) (*identity, *reply.Fault) {
	if id, fault := a.cached(a.users.cache, text); id != nil || fault != nil {
		return id, fault
	}
	if len(text) > a.options.MaxToken {
		return nil, reply.InvalidUser
	}
	decoded, err := base64.StdEncoding.Strict().AppendDecode(nil, text)
	if err != nil {
		return nil, reply.AuthFailure
	}
	name, password, ok := bytes.Cut(decoded, []byte(":"))
	if !ok {
		return nil, reply.InvalidUserFormat
	}
	if len(name) == 0 || len(password) == 0 {
		return nil, reply.InvalidUser
	}
	return a.checkUser(ctx, string(text), string(name), password)
}

// checkUser compares a password. Requests that show the same credential at the
// same time wait for one comparison.
func (a *Authenticator) checkUser(ctx context.Context, credential, name string, password []byte) (*identity, *reply.Fault) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.options.FetchTimeout)
	defer cancel()
	found, err, _ := a.users.flights.Do(credential, func() (any, error) {
		if err := a.users.slots.enter(ctx); err != nil {
			return nil, err
		}
		defer a.users.slots.leave()
		return a.users.find(name, password), nil
	})
	if err != nil {
		return nil, reply.AuthFailure
	}
	u := found.(*user)
	if u == nil {
		return nil, reply.InvalidUser
	}
	return a.admit(a.users.cache, credential, a.verified(u.principal))
}

// find gives the user whose password this is, else nil, in the same time.
func (u *users) find(name string, password []byte) *user {
	candidate := u.byName[name]
	d := u.decoy
	if candidate != nil {
		d = candidate.digest
	}
	good := d.matches(password)
	if _, slow := d.(bcryptDigest); !slow && u.slow != nil {
		u.slow.matches(password)
	}
	if candidate == nil || !good {
		return nil
	}
	return candidate
}

// slots bounds how many do something at once.
type slots chan struct{}

func (s slots) enter(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s slots) leave() { <-s }
