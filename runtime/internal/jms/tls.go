package jms

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

// tlsConfig is how to speak to a broker with ssl='true'. Its trust_store, PEM
// or PKCS#12, replaces the configured roots.
func (d *dialer) tlsConfig(b Broker) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if d.tls != nil {
		cfg = d.tls.Clone()
	}
	cfg.ServerName = strings.Trim(b.Host, "[]")
	if path := b.Options["trust_store"]; path != "" {
		roots, err := readTrustStore(path, b.Options["trust_store_password"])
		if err != nil {
			return nil, fmt.Errorf("trust_store %s: %w", path, err)
		}
		cfg.RootCAs = roots
	}
	return cfg, nil
}

func readTrustStore(path, password string) (*x509.CertPool, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	switch {
	case bytes.HasPrefix(data, []byte{0xfe, 0xed, 0xfe, 0xed}):
		return nil, errors.New("a JKS store cannot be read: convert it, for example with keytool -importkeystore -deststoretype PKCS12")
	case roots.AppendCertsFromPEM(data):
		return roots, nil
	}
	certificates, err := pkcs12.DecodeTrustStore(data, password)
	if err != nil {
		return nil, err
	}
	for _, c := range certificates {
		roots.AddCert(c)
	}
	return roots, nil
}
