package jms

import (
	"context"
	"fmt"
	"time"

	"github.com/streadway/amqp"
)

// Outgoing is a message to publish: Map or Text.
type Outgoing struct {
	Map  map[string]any // string, bool, int64, nil
	Text []byte
	Sent time.Time
}

// Source gives what is to be published.
type Source interface {
	// Connected tells that the broker takes messages again. What was published
	// shortly before may be lost, so whatever still matters is given anew.
	Connected()
	// Next waits for a message; false tells that ctx ended.
	Next(ctx context.Context) (Outgoing, bool)
}

// Publisher writes to a topic, over all the brokers' comings and goings.
type Publisher struct {
	session *session
	topic   string
	source  Source
}

// NewPublisher checks the options; nothing is opened before Run.
func NewPublisher(o Options, topic string, src Source) (*Publisher, error) {
	s, err := newSession(o)
	if err != nil {
		return nil, err
	}
	return &Publisher{session: s, topic: topic, source: src}, nil
}

// Run publishes until ctx ends.
func (p *Publisher) Run(ctx context.Context) { p.session.run(ctx, p.serve) }

func (p *Publisher) serve(ctx context.Context, l *link) error {
	// A link that is lost while there is nothing to publish ends the wait too.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-ctx.Done():
		case err := <-l.lost:
			if err == nil {
				cancel(errClosed)
				return
			}
			cancel(err)
		}
	}()
	p.source.Connected()
	for {
		m, ok := p.source.Next(ctx)
		if !ok {
			return context.Cause(ctx)
		}
		if err := p.publish(l, m); err != nil {
			return err
		}
	}
}

func (p *Publisher) publish(l *link, m Outgoing) error {
	msg := amqp.Publishing{
		Headers:      amqp.Table{"JMS_QPID_DESTTYPE": int32(2)},
		DeliveryMode: amqp.Transient,
		ContentType:  textType,
		Body:         m.Text,
		// JMS clients read milliseconds here.
		Timestamp: time.Unix(m.Sent.UnixMilli(), 0),
	}
	if m.Map != nil {
		body, err := encodeMap(m.Map)
		if err != nil {
			return err
		}
		msg.ContentType, msg.Body = mapType, body
	} else {
		msg.ContentEncoding = "UTF-8"
	}
	if err := l.channel.Publish(exchangeName, p.topic, false, false, msg); err != nil {
		return fmt.Errorf("publishing to %s at %s: %w", p.topic, l.broker, err)
	}
	return nil
}
