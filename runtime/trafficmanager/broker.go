package trafficmanager

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"mgw/runtime/config"
	"mgw/runtime/internal/jms"
)

// topic is where gateways listen.
const topic = "throttleData"

func (m *Manager) connectBroker() error {
	if !m.options.Config.Broker.Enabled {
		return nil
	}
	options, err := brokerOptions(&m.options.Config.Broker, m.options.Log)
	if err != nil {
		return err
	}
	if m.publisher, err = jms.NewPublisher(options, topic, m.outbox); err != nil {
		return fmt.Errorf("broker.providerUrl: %w", err)
	}
	return nil
}

func brokerOptions(c *config.ManagerBroker, log *slog.Logger) (jms.Options, error) {
	u, err := jms.ParseProviderURL(c.ProviderURL.Reveal(), nil)
	if err != nil {
		return jms.Options{}, fmt.Errorf("broker.providerUrl: %w", err)
	}
	o := jms.Options{URL: u, User: c.Account.Username, Password: c.Account.Password.Reveal(), Log: log}
	if c.CertificateFile != "" {
		if o.TLS, err = trusting(c.CertificateFile); err != nil {
			return o, fmt.Errorf("broker.certificateFile: %w", err)
		}
	}
	return o, nil
}

// trusting makes a client's TLS that trusts the certificates of a PEM file.
func trusting(file string) (*tls.Config, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("holds no PEM certificate")
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, nil
}
