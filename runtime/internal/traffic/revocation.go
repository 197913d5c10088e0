package traffic

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// RevocationOptions say where revoked credentials come from. A Base of "" is
// no pull.
type RevocationOptions struct {
	Base               string // of the service with /revokedjwt
	Username, Password string
	Transport          http.RoundTripper
	// Add revokes a jti, a signature or a whole token until expiry, clock
	// time; 0 is unknown.
	Add func(credential string, expiry int64)
	Log *slog.Logger
}

// Revocations feeds the revoked set.
type Revocations struct {
	options   RevocationOptions
	retriever retriever
	due       chan struct{}
}

// NewRevocations makes it; nothing is pulled before Run.
func NewRevocations(o RevocationOptions) *Revocations {
	return &Revocations{
		options:   o,
		retriever: newRetriever(o.Base, o.Username, o.Password, o.Transport),
		due:       make(chan struct{}, 1),
	}
}

// Subscribed asks for a pull: what was revoked while the topic was away.
func (r *Revocations) Subscribed() {
	select {
	case r.due <- struct{}{}:
	default:
	}
}

// Received takes a message of topic tokenRevocation, map or text (contract 7.4).
func (r *Revocations) Received(fields map[string]any, text []byte) error {
	if fields == nil {
		var body struct {
			Event struct {
				Payload map[string]any `json:"payloadData"`
			} `json:"event"`
		}
		if err := json.Unmarshal(text, &body); err != nil {
			return err
		}
		fields = body.Event.Payload
	}
	token, ok := fields["revokedToken"].(string)
	if !ok || token == "" {
		return errors.New("a message of topic tokenRevocation without revokedToken")
	}
	r.options.Add(token, untilOf(fields["ttl"]))
	return nil
}

// untilOf reads ttl: when the token expires, in seconds or milliseconds since
// the epoch. Anything else says nothing.
func untilOf(ttl any) int64 {
	var n int64
	switch v := ttl.(type) {
	case string:
		n, _ = strconv.ParseInt(v, 10, 64)
	case int64:
		n = v
	case float64:
		n = int64(v)
	}
	const (
		firstSecond = 1e9  // in 2001
		firstMilli  = 1e11 // in 1973
		lastMilli   = 1e14
	)
	switch {
	case n >= firstMilli && n < lastMilli:
		return n * int64(time.Millisecond)
	case n >= firstSecond && n < firstMilli:
		return n * int64(time.Second)
	}
	return 0
}

// Run pulls at the start and after each Subscribed, again and again until it
// has succeeded, until ctx ends.
func (r *Revocations) Run(ctx context.Context) {
	if r.options.Base == "" {
		<-ctx.Done()
		return
	}
	r.Subscribed()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.due:
		case <-tick.C:
			if !failed {
				continue
			}
		}
		err := r.pull(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			r.options.Log.Warn("revoked tokens cannot be pulled", "error", err)
		}
		failed = err != nil
	}
}

func (r *Revocations) pull(ctx context.Context) error {
	all, err := r.retriever.revoked(ctx)
	if err != nil {
		return err
	}
	for _, one := range all {
		r.options.Add(one.credential, one.expiry*int64(time.Millisecond))
	}
	return nil
}
