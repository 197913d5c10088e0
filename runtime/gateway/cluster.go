package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"mgw/runtime/config"
	"mgw/runtime/internal/event"
	"mgw/runtime/internal/jms"
	"mgw/runtime/internal/throttle"
	"mgw/runtime/internal/traffic"
)

// cluster is what ties this gateway to a traffic manager and to those who
// revoke tokens. Its parts are nil where the configuration does not ask for
// them.
type cluster struct {
	transport   *http.Transport
	decisions   *throttle.Decisions
	publisher   *traffic.Publisher
	listener    *traffic.Listener
	topic       *jms.Subscriber
	revocations *traffic.Revocations
	revoked     *jms.Subscriber
	revoking    atomic.Bool // revoked is subscribed
}

// newCluster prepares the parts that the configuration asks for; nothing is
// sent or opened before run.
func newCluster(cfg *config.Config, now func() int64, log *slog.Logger) (*cluster, error) {
	c := new(cluster)
	m := cfg.Throttling.Manager
	secure, err := trusting(m.CertificateFile)
	if err != nil {
		return nil, fmt.Errorf("throttlingConfig.certificateFile: %w", err)
	}
	c.transport = &http.Transport{
		Proxy:               internalProxy(cfg),
		TLSClientConfig:     secure,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     time.Minute,
		TLSHandshakeTimeout: 5 * time.Second,
	}
	if !m.Enabled {
		return c, nil
	}
	c.decisions = throttle.NewDecisions(throttle.DecisionOptions{
		Now: now, Skew: m.ClockSkew,
		Headers: cfg.Throttling.HeaderConditions, Queries: cfg.Throttling.QueryConditions, Claims: cfg.Throttling.ClaimConditions,
	})
	c.publisher, err = traffic.NewPublisher(traffic.PublisherOptions{
		Endpoints:   m.Endpoints,
		All:         m.EndpointMode == "all",
		Credentials: m.Credentials.Reveal(),
		Single:      m.EventFormat == "single",
		Transport:   c.transport,
		QueueSize:   m.QueueSize,
		Node:        traffic.NewNode(),
		Now:         now,
		Log:         log,
	})
	if err != nil {
		return nil, err
	}
	c.listener = traffic.NewListener(traffic.ListenerOptions{
		Base:     m.Retriever,
		Username: m.RetrieverAccount.Username, Password: m.RetrieverAccount.Password.Reveal(),
		Transport: c.transport,
		Poll:      m.DecisionSource == "poll",
		Sink:      sink{c.decisions},
		Now:       now,
		Log:       log,
	})
	if m.DecisionSource != "poll" {
		c.topic, err = subscriber(m.ProviderURL, m.Broker, secure, log, "throttleData", decisionTopic{c.listener})
	}
	return c, err
}

// listenForRevocations feeds the revoked set, as the configuration asks.
func (c *cluster) listenForRevocations(cfg *config.Config, add func(string, int64), log *slog.Logger) (err error) {
	r := cfg.Revocation
	if !r.Realtime && !r.Persistent {
		return nil
	}
	o := traffic.RevocationOptions{Transport: c.transport, Add: add, Log: log}
	if r.Persistent {
		if r.PersistentType != "default" {
			return fmt.Errorf("tokenRevocationConfig.persistent.type = %q is not supported, only \"default\"", r.PersistentType)
		}
		o.Base, o.Username, o.Password = r.PersistentURL, r.PersistentAccount.Username, r.PersistentAccount.Password.Reveal()
	}
	c.revocations = traffic.NewRevocations(o)
	if r.Realtime {
		c.revoked, err = subscriber(r.ProviderURL, r.Broker, c.transport.TLSClientConfig, log, r.Topic, revocationTopic{c.revocations, &c.revoking, log})
	}
	return err
}

func subscriber(url config.Secret, account config.Account, secure *tls.Config, log *slog.Logger, topic string, h jms.Handler) (*jms.Subscriber, error) {
	parsed, err := jms.ParseProviderURL(url.Reveal(), nil)
	if err != nil {
		return nil, err
	}
	return jms.NewSubscriber(jms.Options{URL: parsed, User: account.Username, Password: account.Password.Reveal(), TLS: secure, Log: log}, topic, h)
}

// trusting trusts the certificates of a PEM file alone, else what the system
// trusts.
func trusting(file string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return cfg, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no PEM certificate", file)
	}
	return cfg, nil
}

// run keeps in touch until ctx ends. Events go on being sent while the last
// requests drain: the caller ends ctx after them.
func (c *cluster) run(ctx context.Context) {
	var parts sync.WaitGroup
	if c.publisher != nil {
		parts.Go(func() { c.publisher.Run(ctx) })
		parts.Go(func() { c.listener.Run(ctx) })
	}
	if c.topic != nil {
		parts.Go(func() { c.topic.Run(ctx) })
	}
	if c.revocations != nil {
		parts.Go(func() { c.revocations.Run(ctx) })
	}
	if c.revoked != nil {
		parts.Go(func() { c.revoked.Run(ctx) })
	}
	parts.Wait()
	c.transport.CloseIdleConnections()
}

// publish is how the throttle room hands events over; nil without a manager.
func (c *cluster) publish() throttle.Publish {
	if c.publisher == nil {
		return nil
	}
	return func(e *throttle.Event) { c.publisher.Publish(e) }
}

// sink hands what the manager says to the throttle room.
type sink struct{ *throttle.Decisions }

func (s sink) Replace(m *traffic.Snapshot) {
	s.Decisions.Replace(m.Blocks, m.Templates, m.Decisions, m.Complete)
}

// decisionTopic reads the messages of throttleData.
type decisionTopic struct{ *traffic.Listener }

func (t decisionTopic) Subscribed(context.Context) { t.Listener.Subscribed() }

func (t decisionTopic) Received(m jms.Message, err error) {
	var parsed event.Message
	switch {
	case err != nil:
	case m.Map != nil:
		parsed, err = event.ParseMap(m.Map, millis(m.Sent))
	default:
		parsed, err = event.ParseText(m.Text, millis(m.Sent))
	}
	t.Listener.Received(parsed, err)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// revocationTopic reads the messages of tokenRevocation.
type revocationTopic struct {
	*traffic.Revocations
	connected *atomic.Bool
	log       *slog.Logger
}

func (t revocationTopic) Subscribed(context.Context) {
	t.connected.Store(true)
	t.Revocations.Subscribed()
}

func (t revocationTopic) Lost() { t.connected.Store(false) }

func (t revocationTopic) Received(m jms.Message, err error) {
	if err == nil {
		err = t.Revocations.Received(m.Map, m.Text)
	}
	if err != nil {
		t.log.Warn("a revocation cannot be read", "error", err)
	}
}

// ManagerState is what GET /state tells of the traffic manager.
type ManagerState struct {
	Events    traffic.PublisherStats `json:"events"`
	Topic     traffic.ListenerStats  `json:"topic"`
	Decisions throttle.DecisionStats `json:"decisions"`
}

func (c *cluster) state() *ManagerState {
	if c.publisher == nil {
		return nil
	}
	return &ManagerState{Events: c.publisher.Stats(), Topic: c.listener.Stats(), Decisions: c.decisions.Stats()}
}

// missing names what the gateway should have and has not.
func (c *cluster) missing(poll bool) []string {
	all := c.state().missing(poll)
	if c.revoked != nil && !c.revoking.Load() {
		all = append(all, "message broker of revocations")
	}
	return all
}

func (s *ManagerState) missing(poll bool) []string {
	var all []string
	if s == nil {
		return nil
	}
	if !s.Topic.Subscribed && !poll {
		all = append(all, "message broker")
	}
	if !s.Topic.Current {
		all = append(all, "traffic manager's state")
	}
	if !s.Events.Connected && s.Events.Queued+int(s.Events.Dropped)+int(s.Events.Unknown) > 0 {
		all = append(all, "traffic manager's event receiver")
	}
	return all
}
