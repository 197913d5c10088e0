package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/golang-jwt/jwt/v5"
	"software.sslmate.com/src/go-pkcs12"
)

// Signing is a private key that the gateway signs with: loaded already, or in
// PEM files, or in a PKCS#12 file.
type Signing struct {
	Key         crypto.Signer
	Certificate *x509.Certificate // of Key; may be nil

	CertificateFile string
	PrivateKeyFile  string

	Store Store
}

// errUnfit is of a key that serves TLS well and that JWT are not signed with.
var errUnfit = errors.New("it cannot sign tokens")

// signer signs JWT.
type signer struct {
	method      jwt.SigningMethod
	key         crypto.Signer
	certificate *x509.Certificate // nil when there is none
}

func newSigner(s *Signing) (*signer, error) {
	key, certificate, err := s.load()
	if err != nil {
		return nil, fmt.Errorf("reading the key that tokens are signed with: %w", err)
	}
	if err := checkKey(key.Public()); err != nil {
		return nil, fmt.Errorf("reading the key that tokens are signed with: %w: %w", errUnfit, err)
	}
	method := jwt.SigningMethod(jwt.SigningMethodRS256)
	if public, ok := key.Public().(*ecdsa.PublicKey); ok {
		method = jwt.SigningMethodES256
		if public.Curve == elliptic.P384() {
			method = jwt.SigningMethodES384
		}
	}
	return &signer{method, key, certificate}, nil
}

func (s *Signing) load() (crypto.Signer, *x509.Certificate, error) {
	switch {
	case s.Key != nil:
		return s.Key, s.Certificate, nil
	case s.PrivateKeyFile != "":
		pair, err := tls.LoadX509KeyPair(s.CertificateFile, s.PrivateKeyFile)
		if err != nil {
			return nil, nil, fmt.Errorf("%s and %s: %w", s.CertificateFile, s.PrivateKeyFile, err)
		}
		return asSigner(pair.PrivateKey, pair.Leaf)
	case s.Store.Path != "":
		data, err := os.ReadFile(s.Store.Path)
		if err != nil {
			return nil, nil, err
		}
		key, certificate, _, err := pkcs12.DecodeChain(data, s.Store.Password)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", s.Store.Path, err)
		}
		return asSigner(key, certificate)
	}
	return nil, nil, errors.New("none is configured")
}

func asSigner(key any, certificate *x509.Certificate) (crypto.Signer, *x509.Certificate, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return k, certificate, nil
	case *ecdsa.PrivateKey:
		return k, certificate, nil
	}
	return nil, nil, fmt.Errorf("%w: key of type %T, allowed are RSA and EC", errUnfit, key)
}

// sign gives a token in compact form. Header fields are name, value and so on.
func (s *signer) sign(claims jwt.MapClaims, header ...string) (string, error) {
	t := jwt.NewWithClaims(s.method, claims)
	for i := 0; i+1 < len(header); i += 2 {
		t.Header[header[i]] = header[i+1]
	}
	return t.SignedString(s.key)
}

// newID gives a "jti" that nobody can guess.
func newID() string { return rand.Text() }
