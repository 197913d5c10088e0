package scaffold

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"time"
)

// Where the secrets of a project are, below it.
const (
	IssuerKeyFile  = "conf/development-issuer.key"
	issuerCertFile = "conf/development-issuer.pem"
	adminTokenFile = "conf/admin.token"
)

// Issuer is the `iss` of the tokens that the development key signs.
const Issuer = "https://mgw.local/development"

// newSecrets gives the files that differ from project to project.
func newSecrets() ([]file, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the development key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("making the development key: %w", err)
	}
	cert, err := certificate(key)
	if err != nil {
		return nil, err
	}
	return []file{
		{IssuerKeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600},
		cert,
		newAdminToken(),
	}, nil
}

func newAdminToken() file {
	return file{adminTokenFile, []byte(rand.Text() + "\n"), 0o600}
}

// missingSecrets gives those that an existing project lacks. A key that is
// there stays; its certificate can be made again.
func missingSecrets(root *os.Root) ([]file, error) {
	fresh, err := newSecrets()
	if err != nil {
		return nil, err
	}
	var files []file
	if !exists(root, adminTokenFile) {
		files = append(files, newAdminToken())
	}
	if !exists(root, IssuerKeyFile) {
		return append(files, fresh[0], fresh[1]), nil
	}
	if exists(root, issuerCertFile) {
		return files, nil
	}
	text, err := root.ReadFile(IssuerKeyFile)
	if err != nil {
		return nil, err
	}
	key, err := ParseIssuerKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", IssuerKeyFile, err)
	}
	cert, err := certificate(key)
	if err != nil {
		return nil, err
	}
	return append(files, cert), nil
}

func exists(root *os.Root, name string) bool {
	_, err := root.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// certificate makes what the gateway verifies tokens with: only its public key
// matters.
func certificate(key *ecdsa.PrivateKey) (file, error) {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "mgw development issuer"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return file{}, fmt.Errorf("making the development certificate: %w", err)
	}
	return file{issuerCertFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644}, nil
}

// ParseIssuerKey reads the development key: PKCS#8 in PEM, EC P-256.
func ParseIssuerKey(text []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(bytes.TrimSpace(text))
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("it is not a private key in PEM form (PKCS#8)")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("it is damaged: not PKCS#8")
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("it is not an EC P-256 key")
	}
	return key, nil
}
