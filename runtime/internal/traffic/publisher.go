package traffic

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// PublisherOptions say where events go.
type PublisherOptions struct {
	Endpoints   []string // base URLs; throttleEventReceiver is appended
	All         bool     // every endpoint gets every event; else the first that answers
	Credentials string   // user:password; "" sends none
	Single      bool     // one event a request, for receivers without arrays
	Transport   http.RoundTripper
	QueueSize   int // events that wait at most, for each receiver
	Node        string
	Now         func() int64 // the Clock's
	Log         *slog.Logger
}

// Publisher posts events. Its zero value is not usable.
type Publisher struct {
	senders []*sender
}

// NewPublisher checks the options; nothing is sent before Run.
func NewPublisher(o PublisherOptions) (*Publisher, error) {
	if len(o.Endpoints) == 0 {
		return nil, errors.New("events: no throttleEndpointUrl")
	}
	var receivers []string
	for _, e := range o.Endpoints {
		receivers = append(receivers, strings.TrimRight(e, "/")+"/throttleEventReceiver")
	}
	p := new(Publisher)
	if !o.All {
		p.senders = []*sender{newSender(&o, receivers)}
		return p, nil
	}
	for _, r := range receivers {
		p.senders = append(p.senders, newSender(&o, []string{r}))
	}
	return p, nil
}

// Event writes itself as one object of a request body.
type Event interface{ AppendJSON(b []byte) []byte }

// Publish queues an event. It never waits for the network, and keeps nothing
// of e.
func (p *Publisher) Publish(e Event) {
	for _, s := range p.senders {
		s.queue.add(e)
	}
}

// Run sends until ctx ends, then what is left, for at most a second.
func (p *Publisher) Run(ctx context.Context) {
	var group sync.WaitGroup
	for _, s := range p.senders {
		group.Go(func() { s.run(ctx) })
	}
	group.Wait()
}

// PublisherStats counts events since the start.
type PublisherStats struct {
	Connected bool   `json:"connected"` // the last post of each receiver succeeded
	Sent      uint64 `json:"sent"`
	Queued    int    `json:"queued"`
	Dropped   uint64 `json:"dropped"` // the queue was full, or the window over
	Unknown   uint64 `json:"unknown"` // sent, without an answer
}

// Stats gives the counters of all receivers together.
func (p *Publisher) Stats() PublisherStats {
	total := PublisherStats{Connected: true}
	for _, s := range p.senders {
		waiting, dropped := s.queue.state()
		total.Connected = total.Connected && s.connected.Load()
		total.Sent += s.sent.Load()
		total.Queued += waiting + int(s.under.Load())
		total.Dropped += dropped + s.late.Load()
		total.Unknown += s.unknown.Load()
	}
	return total
}

// windowEnd is when the batch stops to matter: the end of the minute that it
// was opened in, the shortest window a traffic manager counts.
func windowEnd(opened time.Time) time.Time { return opened.Truncate(time.Minute).Add(time.Minute) }
