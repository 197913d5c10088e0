package listen

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

// Certificate says where the listener's certificate comes from: a PEM pair,
// else a PKCS#12 file, else one made at start.
type Certificate struct {
	File, KeyFile          string // PEM
	KeyStore, KeyStorePass string // PKCS#12
}

func (c Certificate) load(log *slog.Logger) (tls.Certificate, error) {
	switch {
	case c.File != "" || c.KeyFile != "":
		pair, err := tls.LoadX509KeyPair(c.File, c.KeyFile)
		if err != nil {
			return pair, fmt.Errorf("loading the listener's certificate: %w", err)
		}
		return pair, nil
	case c.KeyStore != "":
		return LoadKeyStore(c.KeyStore, c.KeyStorePass)
	}
	log.Warn("no certificate is configured: HTTPS uses one made at this start, which no client trusts")
	return selfSigned()
}

// made tells that there is no certificate but one that the listener makes.
func (c Certificate) made() bool { return c.File == "" && c.KeyFile == "" && c.KeyStore == "" }

// Secured is what the HTTPS listener shows and asks for.
type Secured struct {
	config *tls.Config
	made   bool
}

// Secure loads a certificate, for Renew. One that the listener made itself
// stays where none is configured.
func (l *Listener) Secure(c Certificate, clients tls.ClientAuthType) (*Secured, error) {
	var certificate tls.Certificate
	var err error
	if now := l.secured.Load(); now != nil && now.made && c.made() {
		certificate = now.config.Certificates[0]
	} else if certificate, err = c.load(l.options.Log); err != nil {
		return nil, err
	}
	protocols := []string{"h2", "http/1.1"}
	if l.options.NoHTTP2 {
		protocols = protocols[1:]
	}
	return &Secured{made: c.made(), config: &tls.Config{
		Certificates: []tls.Certificate{certificate},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   protocols,
		ClientAuth:   clients,
		ClientCAs:    l.options.ClientCAs,
	}}, nil
}

// Renew shows another certificate to those who connect from now on.
// Connections that are open go on with the one that they began with.
func (l *Listener) Renew(s *Secured) { l.secured.Store(s) }

// LoadKeyStore gives the certificate and key of a PKCS#12 file.
func LoadKeyStore(file, password string) (tls.Certificate, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("loading the key store: %w", err)
	}
	key, leaf, chain, err := pkcs12.DecodeChain(data, password)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("loading the key store %s: %w", file, err)
	}
	c := tls.Certificate{PrivateKey: key, Leaf: leaf, Certificate: [][]byte{leaf.Raw}}
	for _, issuer := range chain {
		c.Certificate = append(c.Certificate, issuer.Raw)
	}
	return c, nil
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a serial number: %w", err)
	}
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil && host != "localhost" {
		names = append(names, host)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "localhost", Organization: []string{"mgw, made at start"}},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		DNSNames:     names,
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
