package auth

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

// readPublicKeys gives the keys of a PEM file: certificates or public keys.
func readPublicKeys(path string) (keySet, error) {
	rest, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading certificate: %w", err)
	}
	var keys keySet
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		k, err := publicKey(block)
		if err != nil {
			return nil, fmt.Errorf("reading certificate %s: %w", path, err)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("reading certificate %s: no PEM certificate or public key in it", path)
	}
	return keys, nil
}

func publicKey(block *pem.Block) (key, error) {
	switch block.Type {
	case "CERTIFICATE":
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return key{}, err
		}
		return key{public: certificate.PublicKey}, checkKey(certificate.PublicKey)
	case "PUBLIC KEY":
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return key{}, err
		}
		return key{public: public}, checkKey(public)
	}
	return key{}, fmt.Errorf("PEM block %q is neither a certificate nor a public key", block.Type)
}

// certificateKeys gives the keys of a PEM file and of an alias, none where
// neither is configured.
func certificateKeys(file, alias string, store *trusted) (keySet, error) {
	var keys keySet
	if file != "" {
		var err error
		if keys, err = readPublicKeys(file); err != nil {
			return nil, err
		}
	}
	if alias != "" {
		k, err := store.key(alias)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// trusted is a trust store, read.
type trusted struct {
	path         string
	certificates []*x509.Certificate
}

// readTrustStore reads a PKCS#12 file of certificates; none when there is no
// path.
func readTrustStore(s Store) (*trusted, error) {
	if s.Path == "" {
		return &trusted{}, nil
	}
	data, err := os.ReadFile(s.Path)
	if err != nil {
		return nil, fmt.Errorf("reading trust store: %w", err)
	}
	certificates, err := pkcs12.DecodeTrustStore(data, s.Password)
	if err != nil {
		return nil, fmt.Errorf("reading trust store %s: %w", s.Path, err)
	}
	return &trusted{s.Path, certificates}, nil
}

// find gives the certificate of an alias: its subject's common name, or its
// SHA-256 digest in hexadecimal. The friendly names of a PKCS#12 file, which
// keytool calls aliases, cannot be had from the library.
func (t *trusted) find(alias string) (*x509.Certificate, error) {
	if t.path == "" {
		return nil, fmt.Errorf("certificate alias %q: no trust store is configured", alias)
	}
	var found []*x509.Certificate
	for _, c := range t.certificates {
		digest := sha256.Sum256(c.Raw)
		if strings.EqualFold(alias, c.Subject.CommonName) || strings.EqualFold(alias, hex.EncodeToString(digest[:])) {
			found = append(found, c)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("certificate alias %q is not in %s", alias, t.path)
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("certificate alias %q is ambiguous in %s", alias, t.path)
}

// key gives the public key of an alias.
func (t *trusted) key(alias string) (key, error) {
	c, err := t.find(alias)
	if err != nil {
		return key{}, err
	}
	if err := checkKey(c.PublicKey); err != nil {
		return key{}, fmt.Errorf("certificate alias %q: %w", alias, err)
	}
	return key{public: c.PublicKey}, nil
}
