package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of a key server's answer.
const (
	maxKeyAnswer = 1 << 20
	maxKeys      = 100
)

// keyServer holds the keys behind an issuer's jwksURL. While the server is
// away the last good keys stay. Requests read them without a lock; only those
// whose key is unknown wait, for one fetch at most.
type keyServer struct {
	url     string
	client  *http.Client
	log     *slog.Logger
	now     func() int64
	timeout time.Duration
	minimum time.Duration // between two fetches that requests cause

	keys atomic.Pointer[keySet]

	mu      sync.Mutex
	running chan struct{} // closed when the fetch under way has ended; nil when none is
	tried   int64         // when the last fetch began
}

func newKeyServer(address string, o *Options) (*keyServer, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("jwksURL is not an http or https URL")
	}
	log := o.Log.With("keyServer", u.Host)
	if u.Scheme == "http" {
		log.Warn("keys are fetched without TLS: whoever can change the answer can sign tokens")
	}
	s := &keyServer{
		url: address, client: newClient(o), log: log, now: o.Now,
		timeout: o.FetchTimeout, minimum: o.RefreshMinimum,
	}
	s.keys.Store(new(keySet))
	return s, nil
}

// newClient makes a client that follows no redirect: keys and credentials are
// exchanged with the configured address only.
func newClient(o *Options) *http.Client {
	return &http.Client{
		Transport:     o.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// verify checks a token against the keys, after a refresh where its key is not
// among them.
func (s *keyServer) verify(ctx context.Context, t *token) bool {
	before := s.keys.Load()
	if before.verify(t) {
		return true
	}
	if before.has(t.kid) {
		return false
	}
	s.refresh(ctx, false)
	after := s.keys.Load()
	return after != before && after.verify(t)
}

// refresh fetches the keys, or waits for the fetch that is under way. A fetch
// is not made when the last one began less than the minimum ago, unless forced.
func (s *keyServer) refresh(ctx context.Context, force bool) {
	s.mu.Lock()
	if running := s.running; running != nil {
		s.mu.Unlock()
		select {
		case <-running: // bounded by the fetch's own time-out
		case <-ctx.Done():
		}
		return
	}
	if !force && s.tried != 0 && s.now()-s.tried < int64(s.minimum) {
		s.mu.Unlock()
		return
	}
	running := make(chan struct{})
	s.running, s.tried = running, s.now()
	s.mu.Unlock()

	defer func() {
		s.mu.Lock()
		s.running = nil
		s.mu.Unlock()
		close(running)
	}()
	s.fetch(ctx)
}

// fetch asks the server once. Others wait for the answer too, so a caller that
// leaves does not end it.
func (s *keyServer) fetch(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
	defer cancel()
	keys, err := s.get(ctx)
	if err != nil {
		s.log.Warn("keys could not be fetched; the last ones stay", "known", len(*s.keys.Load()), "error", err)
		return
	}
	s.keys.Store(&keys)
}

func (s *keyServer) get(ctx context.Context) (keySet, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, withoutURL(err)
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	body, err := readLimited(response.Body, maxKeyAnswer)
	if err != nil {
		return nil, err
	}
	return parseKeys(body)
}

// withoutURL drops the address from a client's error: it may hold a secret.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

func readLimited(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("answer of more than %d bytes", limit)
	}
	return body, nil
}

// run refreshes the keys until ctx ends: often while there are none, at the
// interval once there are.
func (s *keyServer) run(ctx context.Context, interval time.Duration) {
	pause := time.Second
	for {
		s.refresh(ctx, true)
		wait := interval
		if len(*s.keys.Load()) == 0 {
			wait = min(pause, interval)
			pause = min(2*pause, 30*time.Second)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}
