package jms

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"
)

// Options is how to reach the brokers of a provider URL.
type Options struct {
	URL            *ProviderURL
	User, Password string      // in place of the URL's, when User is not empty
	TLS            *tls.Config // for brokers with ssl='true'
	Log            *slog.Logger
}

// Bounds of the pause after a round over all brokers that reached none.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
)

// session keeps one link alive for ever: it goes round the brokers, starting
// with the one that served last.
type session struct {
	dialer dialer
	log    *slog.Logger
	next   int // broker to try
}

func newSession(o Options) (*session, error) {
	if len(o.URL.Brokers) == 0 {
		return nil, errors.New("provider URL: names no broker: add brokerlist='tcp://host:5672'")
	}
	user, password := o.URL.User, o.URL.Password
	if o.User != "" {
		user, password = o.User, o.Password
	}
	return &session{
		dialer: dialer{url: o.URL, user: user, password: password, tls: o.TLS},
		log:    o.Log,
	}, nil
}

// run calls serve with one link after the other until ctx ends. The first
// failure of an outage is logged, and that it is over.
func (s *session) run(ctx context.Context, serve func(context.Context, *link) error) {
	away, pause := false, firstPause
	for ctx.Err() == nil {
		l, err := s.connect(ctx)
		if err == nil {
			if away {
				s.log.Info("the message broker is back", "broker", l.broker)
			}
			away, pause = false, firstPause
			err = serve(ctx, l)
			l.close()
		}
		if ctx.Err() != nil {
			return
		}
		if !away {
			s.log.Warn("the message broker is away", "error", err)
			away = true
		}
		sleep(ctx, pause/2+rand.N(pause/2+1))
		pause = min(2*pause, lastPause)
	}
}

// connect goes once round the brokers. The error is the last one's.
func (s *session) connect(ctx context.Context) (l *link, err error) {
	brokers := s.dialer.url.Brokers
	for range brokers {
		if l, err = s.dialer.dial(ctx, brokers[s.next]); err == nil {
			return l, nil
		}
		s.next = (s.next + 1) % len(brokers)
	}
	return nil, err
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
