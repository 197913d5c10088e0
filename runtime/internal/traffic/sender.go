package traffic

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// How a sender behaves.
const (
	// batchWait is how long events wait at most for a post that is under way.
	batchWait = 10 * time.Millisecond
	// A post costs what dozens of events do, so events that come in quick
	// succession share one: after a batch the next leaves no sooner than
	// eventPause for each of its events, within these bounds. An event that
	// comes alone leaves at once.
	eventPause = 400 * time.Microsecond
	leastPause = 5 * time.Millisecond
	mostPause  = 20 * time.Millisecond
	// maxPosts bounds the posts under way.
	maxPosts    = 8
	postTimeout = 5 * time.Second
	resendPause = 100 * time.Millisecond
	lastWords   = time.Second
)

// Header fields that tell our traffic manager what the 17 attributes do not:
// it drops what it has had and what belongs to a past window.
const (
	NodeField    = "X-Mgw-Node"
	BatchField   = "X-Mgw-Batch"
	SentField    = "X-Mgw-Sent"    // milliseconds: when the first event happened
	ManagerField = "X-Mgw-Manager" // in answers: repeats are recognised
)

// sender posts to one receiver, or to the first of several that answers.
type sender struct {
	receivers   []string
	credentials string
	single      bool
	node        string
	client      *http.Client
	log         *slog.Logger
	now         func() time.Time
	queue       *queue

	current   atomic.Int32 // receiver
	exact     atomic.Bool  // it recognises repeats
	connected atomic.Bool
	failing   atomic.Bool // an outage was logged
	posting   atomic.Bool // run is; relieve helps only then
	under     atomic.Int64
	sent      atomic.Uint64
	late      atomic.Uint64
	unknown   atomic.Uint64
}

func newSender(o *PublisherOptions, receivers []string) *sender {
	now := func() time.Time { return time.Unix(0, o.Now()).UTC() }
	s := &sender{
		receivers: receivers, single: o.Single, node: o.Node, log: o.Log, now: now,
		client: &http.Client{
			Transport:     o.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		queue: newQueue(o.QueueSize, now),
	}
	if o.Credentials != "" {
		s.credentials = "Basic " + base64.StdEncoding.EncodeToString([]byte(o.Credentials))
	}
	return s
}

// run sends until ctx ends, then what is left, for at most lastWords.
func (s *sender) run(ctx context.Context) {
	bound, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(lastWords, stop)
	})()
	var group sync.WaitGroup
	group.Go(func() { s.relieve(ctx, bound) })
	for running := true; running; {
		select {
		case <-s.queue.filled:
		case <-ctx.Done():
			running = false
		}
		for b := s.queue.next(0); b != nil; b = s.queue.next(0) {
			due := time.Now().Add(pauseAfter(b))
			s.posting.Store(true)
			s.deliver(bound, b)
			s.posting.Store(false)
			rest(ctx, time.Until(due))
		}
	}
	group.Wait()
}

// pauseAfter is how long after a batch the next one may leave. After a full one
// there is more to send than waiting would gather.
func pauseAfter(b *batch) time.Duration {
	if b.full() {
		return 0
	}
	return min(max(time.Duration(len(b.ends))*eventPause, leastPause), mostPause)
}

func rest(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// relieve sends batches that have waited too long for the post under way.
func (s *sender) relieve(ctx, bound context.Context) {
	var posts sync.WaitGroup
	defer posts.Wait()
	places := make(chan struct{}, maxPosts-1)
	tick := time.NewTicker(batchWait)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !s.posting.Load() {
			continue
		}
		select {
		case places <- struct{}{}:
		default:
			continue
		}
		b := s.queue.next(batchWait)
		if b == nil {
			<-places
			continue
		}
		posts.Go(func() {
			s.deliver(bound, b)
			<-places
		})
	}
}

// deliver posts a batch, again and again while that is safe and matters.
func (s *sender) deliver(ctx context.Context, b *batch) {
	s.under.Add(int64(len(b.ends)))
	defer func() {
		s.under.Add(-int64(len(b.ends)))
		s.queue.done(b)
	}()
	if !s.single {
		s.post(ctx, b, append(b.body, ']'), len(b.ends))
		return
	}
	from := 1
	for _, end := range b.ends {
		s.post(ctx, b, b.body[from:end], 1)
		from = end + 1
	}
}

func (s *sender) post(ctx context.Context, b *batch, body []byte, events int) {
	for attempt := 0; ; attempt++ {
		outcome, err := s.attempt(ctx, b, body)
		switch {
		case err == nil:
			s.sent.Add(uint64(events))
			s.recovered()
			return
		case outcome == written && !s.exact.Load():
			s.unknown.Add(uint64(events))
			s.failed(err)
			return
		case outcome == refused:
			s.late.Add(uint64(events))
			s.failed(err)
			return
		}
		s.failed(err)
		s.current.CompareAndSwap(s.current.Load(), (s.current.Load()+1)%int32(len(s.receivers)))
		if attempt%len(s.receivers) == len(s.receivers)-1 {
			select {
			case <-time.After(resendPause):
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil || !s.now().Before(windowEnd(b.opened)) {
			s.late.Add(uint64(events))
			return
		}
	}
}

// outcome is how far an attempt came.
type outcome int

const (
	unsent  outcome = iota // nothing can have been counted
	written                // the receiver may have counted it
	refused                // the receiver does not want it, and will not
)

func (s *sender) attempt(ctx context.Context, b *batch, body []byte) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	var began atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { began.Store(true) }})
	url := s.receivers[s.current.Load()]
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return refused, err
	}
	req.Header.Set("Content-Type", "application/json")
	if s.credentials != "" {
		req.Header.Set("Authorization", s.credentials)
	}
	if !s.single { // a number names a whole batch
		req.Header.Set(NodeField, s.node)
		req.Header.Set(BatchField, strconv.FormatUint(b.number, 10))
		req.Header.Set(SentField, strconv.FormatInt(b.opened.UnixMilli(), 10))
	}
	resp, err := s.client.Do(req)
	if err != nil {
		if began.Load() {
			return written, err
		}
		return unsent, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	s.exact.Store(resp.Header.Get(ManagerField) != "")
	switch {
	case err != nil:
		return written, err
	case resp.StatusCode == http.StatusServiceUnavailable:
		return unsent, fmt.Errorf("%s: %s", url, resp.Status)
	case resp.StatusCode != http.StatusOK:
		return refused, fmt.Errorf("%s: %s", url, resp.Status)
	case bytes.Contains(answer, []byte("_AUTH_FAILURE_")):
		return refused, errAuth
	}
	return written, nil
}

var errAuth = errors.New("the traffic manager refuses the credentials of throttleEndpointbase64Header")

// failed and recovered log the first failure of an outage, and its end.
func (s *sender) failed(err error) {
	s.connected.Store(false)
	if s.failing.CompareAndSwap(false, true) {
		s.log.Warn("throttle events do not reach the traffic manager; limits go on by local counters", "error", err)
	}
}

func (s *sender) recovered() {
	s.connected.Store(true)
	if s.failing.CompareAndSwap(true, false) {
		s.log.Info("throttle events reach the traffic manager again")
	}
}
