package jms

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/streadway/amqp"
)

// exchangeName is where JMS topics live: the topic is the routing key.
const exchangeName = "amq.topic"

// Defaults that the broker options of a provider URL may change.
const (
	defaultHeartbeat = time.Second // a silent broker is noticed after three
	setUpBound       = 10 * time.Second
	closeBound       = 2 * time.Second
)

// link is one connection with one channel, as long as it lasts.
type link struct {
	raw     net.Conn
	guard   *guard
	conn    *amqp.Connection
	channel *amqp.Channel
	lost    chan *amqp.Error // of connection and channel; gets at most two
	broker  string           // host:port, for the log
}

// dialer opens links to the brokers of one provider URL.
type dialer struct {
	url      *ProviderURL
	user     string
	password string
	tls      *tls.Config
	slash    bool // the broker knows the virtual host without its slash
}

// dial opens a link to a broker. Nothing in it waits longer than the broker's
// connecttimeout or setUpBound.
func (d *dialer) dial(ctx context.Context, b Broker) (*link, error) {
	bound := setUpBound
	if ms, err := strconv.Atoi(b.Options["connecttimeout"]); err == nil && ms > 0 {
		bound = min(bound, time.Duration(ms)*time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	l, err := d.open(ctx, b, d.vhost())
	if errors.Is(err, amqp.ErrVhost) && d.url.VHost != "/" {
		// Andes takes the name with its slash, plain RabbitMQ users leave it out.
		d.slash = !d.slash
		l, err = d.open(ctx, b, d.vhost())
	}
	if err != nil {
		return nil, fmt.Errorf("broker %s: %w", b.address(), err)
	}
	return l, nil
}

func (d *dialer) vhost() string {
	if d.slash {
		return strings.TrimPrefix(d.url.VHost, "/")
	}
	return d.url.VHost
}

func (d *dialer) open(ctx context.Context, b Broker, vhost string) (*link, error) {
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", b.address())
	if err != nil {
		return nil, err
	}
	// The client's calls know no deadline: closing the connection ends them.
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	l, err := d.handshake(ctx, raw, b, vhost)
	if !stop() && err == nil {
		l.close()
		err = context.Cause(ctx)
	}
	if err != nil {
		raw.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	return l, nil
}

func (d *dialer) handshake(ctx context.Context, raw net.Conn, b Broker, vhost string) (*link, error) {
	stream := raw
	if strings.EqualFold(b.Options["ssl"], "true") {
		cfg, err := d.tlsConfig(b)
		if err != nil {
			return nil, err
		}
		secure := tls.Client(raw, cfg)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		stream = secure
	}
	g := newGuard(stream)
	conn, err := amqp.Open(g, amqp.Config{
		SASL:       []amqp.Authentication{&amqp.PlainAuth{Username: d.user, Password: d.password}},
		Vhost:      vhost,
		ChannelMax: channelMax,
		FrameSize:  frameMax,
		Heartbeat:  b.heartbeat(),
		Properties: amqp.Table{"product": "mgw", "instance": d.url.ClientID},
		Locale:     "en_US",
	})
	if err != nil {
		return nil, err
	}
	l := &link{raw: raw, guard: g, conn: conn, lost: make(chan *amqp.Error, 2), broker: b.address()}
	conn.NotifyClose(l.watch())
	if l.channel, err = conn.Channel(); err != nil {
		l.close()
		return nil, err
	}
	l.channel.NotifyClose(l.watch())
	return l, nil
}

// watch gives a channel whose first error, or closing, reaches l.lost. The
// client sends to it while it holds its locks, so it has room for the one
// error there can be.
func (l *link) watch() chan *amqp.Error {
	closed := make(chan *amqp.Error, 1)
	go func() { l.lost <- <-closed }()
	return closed
}

// close ends the link politely where that is possible, and in a bounded time.
func (l *link) close() {
	timer := time.AfterFunc(closeBound, func() { l.raw.Close() })
	defer timer.Stop()
	l.conn.Close() // what it could not say to the broker does not matter any more
	l.raw.Close()
}

// address is host:port as the net package wants it.
func (b Broker) address() string {
	return net.JoinHostPort(strings.Trim(b.Host, "[]"), strconv.Itoa(b.Port))
}

func (b Broker) heartbeat() time.Duration {
	if s, err := strconv.Atoi(b.Options["heartbeat"]); err == nil && s > 0 {
		return time.Duration(s) * time.Second
	}
	return defaultHeartbeat
}
