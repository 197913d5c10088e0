// Command keys makes the keys and certificates of the security sample in the
// folder that it is given.
//
//	go run ./samples/security/keys demo/conf
//
//	gateway.pem, gateway.key    what the HTTPS listener shows, and signs API keys
//	                            and backend JWT with
//	partner.pem, partner.key    a client that the API Partners lets in
//	stranger.pem, stranger.key  one that it does not
//	issuer.pem, issuer.key      who signs tokens as https://tokens.example.com
//	truststore.p12              the certificates of gateway, partner and issuer
//
// Each certificate is signed by its own key, lasts thirty days and is new each
// time. The trust store's password is "changeit".
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

const (
	storePassword = "changeit"
	validity      = 30 * 24 * time.Hour
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: keys FOLDER")
		os.Exit(2)
	}
	if err := makeAll(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "keys:", err)
		os.Exit(1)
	}
}

func makeAll(dir string) error {
	var trusted []pkcs12.TrustStoreEntry
	for _, name := range []string{"gateway", "partner", "stranger", "issuer"} {
		certificate, err := makePair(dir, name)
		if err != nil {
			return fmt.Errorf("making %s: %w", name, err)
		}
		if name != "stranger" {
			trusted = append(trusted, pkcs12.TrustStoreEntry{Cert: certificate, FriendlyName: name})
		}
	}
	store, err := pkcs12.Modern2023.EncodeTrustStoreEntries(trusted, storePassword)
	if err != nil {
		return fmt.Errorf("making the trust store: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, "truststore.p12"), store, 0o600)
}

// makePair writes a key and the certificate that it signs for itself.
func makePair(dir, name string) (*x509.Certificate, error) {
	key, err := newKey(name)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Minute),
		NotAfter:     time.Now().Add(validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := writePEM(filepath.Join(dir, name+".pem"), "CERTIFICATE", der, 0o644); err != nil {
		return nil, err
	}
	if err := writePEM(filepath.Join(dir, name+".key"), "PRIVATE KEY", private, 0o600); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// newKey is EC, but for the issuer: RSA, as most have.
func newKey(name string) (crypto.Signer, error) {
	if name == "issuer" {
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
