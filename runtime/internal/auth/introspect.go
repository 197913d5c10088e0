package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// Introspection is the endpoint that knows opaque tokens (RFC 7662).
type Introspection struct {
	URL                string
	Username, Password string // basic credentials, or
	Bearer             string // a token, for the endpoint itself
	// FailedJWT asks it for JWT that do not verify, too.
	FailedJWT            bool
	ValidateSubscription bool
	RoleClaim            string
	Concurrent           int // calls at once; 64
}

// Limits of what the introspection endpoint causes.
const (
	maxIntrospectionAnswer = 64 << 10
	refusedFor             = 10 * time.Second // a token that is not active is not asked for again
	refusedCapacity        = 1024
	complainEvery          = 10 * time.Second
)

// introspector asks the endpoint: once for a token, however many requests show
// it at the same time.
type introspector struct {
	Introspection
	client  *http.Client
	log     *slog.Logger
	timeout time.Duration
	flights singleflight.Group
	slots   slots
	refused *cache // tokens that are not active; apart, so that they push out nothing else

	complained atomic.Int64 // when a failure was logged last
	silent     atomic.Int64 // failures since
}

func newIntrospector(o *Options) (*introspector, error) {
	if o.Introspection == nil {
		return nil, nil
	}
	u, err := url.Parse(o.Introspection.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("the introspection endpoint is not an http or https URL")
	}
	i := &introspector{
		Introspection: *o.Introspection, client: newClient(o), log: o.Log.With("introspection", u.Host),
		timeout: o.FetchTimeout, refused: newCache(refusedCapacity),
	}
	setDefault(&i.Concurrent, 64)
	i.slots = make(slots, i.Concurrent)
	return i, nil
}

// opaque verifies a token that only its issuer understands.
func (a *Authenticator) opaque(ctx context.Context, token string) (*identity, *reply.Fault) {
	i := a.introspector
	if i == nil {
		return nil, reply.InvalidCredentials
	}
	if known := i.refused.get([]byte(token)); known != nil && a.options.Now() < known.until {
		return nil, reply.InvalidCredentials
	}
	type outcome struct {
		id    *identity
		fault *reply.Fault
	}
	v, err, _ := i.flights.Do(token, func() (any, error) {
		answer, err := i.ask(ctx, token)
		if err != nil {
			return nil, err
		}
		id, fault := a.opaqueIdentity(answer)
		switch {
		case fault == reply.InvalidCredentials:
			i.refused.put(token, &identity{principal: &exchange.Principal{}, until: later(a.options.Now(), refusedFor)}, a.options.Now())
		case fault == nil:
			id.principal.Signature = signatureOf(token)
			id, fault = a.admit(a.tokens, token, id)
		}
		return outcome{id, fault}, nil
	})
	if err != nil {
		i.complain(err, a.options.Now())
		return nil, reply.InvalidCredentials
	}
	o := v.(outcome)
	return o.id, o.fault
}

// complain logs a failed call, but not one line for each request while the
// endpoint is away.
func (i *introspector) complain(err error, now int64) {
	last := i.complained.Load()
	if last != 0 && now-last < int64(complainEvery) || !i.complained.CompareAndSwap(last, now) {
		i.silent.Add(1)
		return
	}
	i.log.Warn("a token could not be introspected", "error", err, "notLogged", i.silent.Swap(0))
}

// ask makes the call. Others wait for it too, so a caller that leaves does not
// end it.
func (i *introspector) ask(ctx context.Context, token string) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), i.timeout)
	defer cancel()
	if err := i.slots.enter(ctx); err != nil {
		return nil, errors.New("too many calls under way")
	}
	defer i.slots.leave()
	form := url.Values{"token": {token}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, i.URL, strings.NewReader(form))
	if err != nil {
		return nil, withoutURL(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	if i.Bearer != "" {
		request.Header.Set("Authorization", "Bearer "+i.Bearer)
	} else if i.Username != "" {
		request.SetBasicAuth(i.Username, i.Password)
	}
	response, err := i.client.Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	body, err := readLimited(response.Body, maxIntrospectionAnswer)
	if err != nil {
		return nil, err
	}
	return parseAnswer(body)
}

func parseAnswer(body []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var answer map[string]any
	if err := decoder.Decode(&answer); err != nil || answer == nil {
		return nil, errors.New("answer is not a JSON object")
	}
	return answer, nil
}

// opaqueIdentity reads the answer (RFC 7662 section 2.2, contract 9.2).
func (a *Authenticator) opaqueIdentity(answer map[string]any) (*identity, *reply.Fault) {
	if active, _ := answer["active"].(bool); !active {
		return nil, reply.InvalidCredentials
	}
	i := a.introspector
	expires, fault := a.inTime(answer)
	if fault != nil {
		return nil, fault
	}
	p := &exchange.Principal{Kind: exchange.Opaque, Expires: expires}
	if name := text(answer["username"]); name != "" {
		answer["sub"] = name
	}
	describe(p, answer, "", i.RoleClaim)
	if i.ValidateSubscription && p.ConsumerKey == "" {
		return nil, reply.AuthFailure
	}
	id := a.identity(p)
	if i.ValidateSubscription {
		id.demand = demandSubscription
	}
	return id, nil
}
