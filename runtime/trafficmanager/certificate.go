package trafficmanager

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mgw/runtime/config"
)

// Files of a certificate of the manager's own.
const (
	certificateName = "traffic-manager.pem"
	privateKeyName  = "traffic-manager.key"
)

// How long such a certificate is good for, and how long before that a start
// makes a new one.
const (
	certificateLife  = 365 * 24 * time.Hour
	certificateRenew = 30 * 24 * time.Hour
)

// certificate gives the configured certificate, else one of the manager's own,
// which is kept in dir so that gateways may go on trusting it. made is the file
// of the latter.
func certificate(l *config.ManagerListener, dir string, now time.Time) (cert tls.Certificate, made string, err error) {
	if l.CertificateFile != "" {
		cert, err = tls.LoadX509KeyPair(l.CertificateFile, l.PrivateKeyFile)
		return cert, "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return cert, "", err
	}
	made = filepath.Join(dir, certificateName)
	names := certificateNames(l)
	cert, err = tls.LoadX509KeyPair(made, filepath.Join(dir, privateKeyName))
	if err == nil && usable(cert.Leaf, names, now) {
		return cert, made, nil
	}
	if cert, err = makeCertificate(dir, names, now); err != nil {
		return cert, "", fmt.Errorf("making a certificate: %w", err)
	}
	return cert, made, nil
}

// certificateNames gives the names that gateways may know this machine by.
func certificateNames(l *config.ManagerListener) []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil && host != "" {
		names = append(names, host)
	}
	if ip := net.ParseIP(l.Host); ip == nil && l.Host != "" || ip != nil && !ip.IsUnspecified() {
		names = append(names, l.Host)
	}
	names = append(names, l.CertificateNames...)
	slices.Sort(names)
	return slices.Compact(names)
}

func usable(c *x509.Certificate, names []string, now time.Time) bool {
	wrong := func(name string) bool { return c.VerifyHostname(name) != nil }
	return now.After(c.NotBefore) && now.Add(certificateRenew).Before(c.NotAfter) && !slices.ContainsFunc(names, wrong)
}

func makeCertificate(dir string, names []string, now time.Time) (tls.Certificate, error) {
	none := tls.Certificate{}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return none, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return none, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "traffic manager"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(certificateLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, // and no authority: trusting it trusts nothing else
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return none, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return none, err
	}
	return save(dir, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
}

// save writes both files and reads them back as servers do.
func save(dir string, certificate, key []byte) (tls.Certificate, error) {
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return pair, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return pair, err
	}
	if err := os.WriteFile(filepath.Join(dir, privateKeyName), key, 0o600); err != nil {
		return pair, err
	}
	return pair, os.WriteFile(filepath.Join(dir, certificateName), certificate, 0o644)
}
