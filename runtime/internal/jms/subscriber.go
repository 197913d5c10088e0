package jms

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/streadway/amqp"
)

// Handler hears what happens on a topic, from one goroutine.
type Handler interface {
	// Subscribed tells that whatever is published from now on arrives.
	Subscribed(ctx context.Context)
	// Received hands over a message. A body that cannot be read comes as err.
	Received(m Message, err error)
	// Lost tells that messages may be missed until the next Subscribed.
	Lost()
}

// Subscriber reads a topic, over all the brokers' comings and goings.
type Subscriber struct {
	session *session
	topic   string
	handler Handler
}

// NewSubscriber checks the options; nothing is opened before Run.
func NewSubscriber(o Options, topic string, h Handler) (*Subscriber, error) {
	s, err := newSession(o)
	if err != nil {
		return nil, err
	}
	return &Subscriber{session: s, topic: topic, handler: h}, nil
}

// Run reads until ctx ends. It leaves nothing behind on the broker.
func (s *Subscriber) Run(ctx context.Context) { s.session.run(ctx, s.serve) }

// prefetch bounds what the broker sends ahead of our acknowledgements, and by
// that what the client holds.
const prefetch = 500

func (s *Subscriber) serve(ctx context.Context, l *link) error {
	deliveries, err := s.subscribe(ctx, l)
	if err != nil {
		return fmt.Errorf("subscribing to %s at %s: %w", s.topic, l.broker, err)
	}
	defer s.handler.Lost()
	s.handler.Subscribed(ctx)
	unacknowledged := 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			if !ok {
				return lossOf(l)
			}
			s.receive(d)
			l.guard.handled()
			// Acknowledged in groups: each is a write.
			if unacknowledged++; unacknowledged >= prefetch/4 || len(deliveries) == 0 {
				if err := d.Ack(true); err != nil {
					return err
				}
				unacknowledged = 0
			}
		}
	}
}

// subscribe declares a queue of its own, which goes away with the connection,
// and binds it to the topic.
func (s *Subscriber) subscribe(ctx context.Context, l *link) (<-chan amqp.Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, setUpBound)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.raw.Close() })
	defer stop()
	if err := l.channel.Qos(prefetch, 0, false); err != nil {
		return nil, err
	}
	queue, err := l.channel.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		return nil, err
	}
	if err := l.channel.QueueBind(queue.Name, s.topic, exchangeName, false, nil); err != nil {
		return nil, err
	}
	return l.channel.Consume(queue.Name, "", false, true, false, false, nil)
}

func (s *Subscriber) receive(d amqp.Delivery) {
	m, err := decodeBody(d.ContentType, d.Body)
	m.Sent = sentAt(d.Timestamp)
	s.handler.Received(m, err)
}

var (
	errClosed = errors.New("the broker closed the connection")
	errQueue  = errors.New("the broker took the queue away")
)

// lossOf gives why no more messages come: the link was lost, or the queue is
// gone while the link stands.
func lossOf(l *link) error {
	select {
	case err := <-l.lost:
		if err != nil {
			return err
		}
		return errClosed
	case <-time.After(time.Second):
		return errQueue
	}
}
