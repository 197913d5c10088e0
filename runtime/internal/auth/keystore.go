package auth

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"strconv"
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
	path    string
	entries []trustEntry
}

// trustEntry is a certificate and its friendly name, which keytool calls
// alias, where it can be read.
type trustEntry struct {
	name        string
	certificate *x509.Certificate
}

// readTrustStore reads a PKCS#12 file of certificates; none when there is no
// path. A store of a key and its certificates is one too.
func readTrustStore(s Store) (*trusted, error) {
	if s.Path == "" {
		return &trusted{}, nil
	}
	data, err := os.ReadFile(s.Path)
	if err != nil {
		return nil, fmt.Errorf("reading trust store: %w", err)
	}
	t := &trusted{path: s.Path}
	certificates, err := pkcs12.DecodeTrustStore(data, s.Password)
	if err != nil {
		// A store of another form.
		//lint:ignore SA1019 what it does to private keys and attributes, nobody needs here
		blocks, errKeys := pkcs12.ToPEM(data, s.Password)
		if errKeys != nil {
			return nil, fmt.Errorf("reading trust store %s: %w", s.Path, err)
		}
		return t, t.addBlocks(blocks)
	}
	// Where the names cannot be read, common names and digests still do.
	names, _ := friendlyNames(data, s.Password)
	for _, c := range certificates {
		t.entries = append(t.entries, trustEntry{names[string(c.Raw)], c})
	}
	return t, nil
}

func (t *trusted) addBlocks(blocks []*pem.Block) error {
	for _, block := range blocks {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("reading trust store %s: %w", t.path, err)
		}
		t.entries = append(t.entries, trustEntry{block.Headers["friendlyName"], c})
	}
	return nil
}

// is tells whether an alias means the entry: its friendly name, its subject's
// common name, or the SHA-256 digest of the certificate in hexadecimal.
func (e *trustEntry) is(alias string) bool {
	digest := sha256.Sum256(e.certificate.Raw)
	return alias != "" && (strings.EqualFold(alias, e.name) || strings.EqualFold(alias, e.certificate.Subject.CommonName) ||
		strings.EqualFold(alias, hex.EncodeToString(digest[:])))
}

// find gives the certificate of an alias.
func (t *trusted) find(alias string) (*x509.Certificate, error) {
	if t.path == "" {
		return nil, fmt.Errorf("certificate alias %q: no trust store is configured", alias)
	}
	var found *x509.Certificate
	var names []string
	for i := range t.entries {
		e := &t.entries[i]
		names = append(names, strconv.Quote(cmp.Or(e.name, e.certificate.Subject.CommonName)))
		if !e.is(alias) {
			continue
		}
		if found != nil && !found.Equal(e.certificate) {
			return nil, fmt.Errorf("certificate alias %q is ambiguous in %s: give the SHA-256 digest", alias, t.path)
		}
		found = e.certificate
	}
	if found == nil {
		return nil, fmt.Errorf("certificate alias %q is not in %s, which has %s (friendly name, common name or SHA-256 digest)",
			alias, t.path, strings.Join(names[:min(len(names), 20)], ", "))
	}
	return found, nil
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
