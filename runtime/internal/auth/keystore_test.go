package auth

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"software.sslmate.com/src/go-pkcs12"
)

// trustStore writes certificates as PKCS#12.
func trustStore(t testing.TB, certificates ...*x509.Certificate) Store {
	t.Helper()
	data, err := pkcs12.Modern.EncodeTrustStore(certificates, "store-secret")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "trust.p12")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return Store{path, "store-secret"}
}

func TestAliasesOfATrustStore(t *testing.T) {
	one, same, other := selfSigned(t, "same", ec256), selfSigned(t, "same", ec384), selfSigned(t, "other", rsaKey)
	store := trustStore(t, one, same, other)
	for name, o := range map[string]Options{
		"unknown":        {TrustStore: store, Issuers: []Issuer{{Issuer: idp, CertificateAlias: "nobody"}}},
		"ambiguous":      {TrustStore: store, Issuers: []Issuer{{Issuer: idp, CertificateAlias: "same"}}},
		"wrong password": {TrustStore: Store{store.Path, "wrong-secret"}, Issuers: []Issuer{{Issuer: idp, CertificateAlias: "other"}}},
		"unknown client": {TrustStore: store, MutualTLS: MutualTLS{Certificates: []ClientCertificates{{"a", "1", []string{"nobody"}}}}},
	} {
		o.Now = newFakeClock().now
		if _, err := New(o); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := setUp(t, func(o *Options) {
		o.TrustStore = store
		o.Issuers = []Issuer{{Issuer: idp, CertificateAlias: "OTHER"}}
	})
	b.passes(b.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims())))
}

// testdata/keystore.p12 holds a key and its certificate as older tools write
// them: RC2 and 3DES, friendly name "ballerina", common name "localhost".
func TestFriendlyNamesOfAKeyStore(t *testing.T) {
	store, err := readTrustStore(Store{"testdata/keystore.p12", "ballerina"})
	if err != nil {
		t.Fatal(err)
	}
	for _, alias := range []string{"ballerina", "Ballerina", "localhost"} {
		if c, err := store.find(alias); err != nil || c.Subject.CommonName != "localhost" {
			t.Errorf("%s: %v, %v", alias, c, err)
		}
	}
	if _, err := store.find("wso2"); err == nil || !strings.Contains(err.Error(), `"ballerina"`) {
		t.Errorf("the error names no alias: %v", err)
	}
	if _, err := store.find(""); err == nil {
		t.Error("an empty alias is one")
	}
	if s, err := newSigner(&Signing{Store: Store{"testdata/keystore.p12", "ballerina"}}); err != nil || s.method.Alg() != "RS256" {
		t.Errorf("%+v, %v", s, err)
	}
}

// testdata/truststore.p12 is keytool's: two certificates of the common name
// "localhost", under the aliases "wso2apim310" and "second".
func TestFriendlyNamesOfATrustStore(t *testing.T) {
	store, err := readTrustStore(Store{"testdata/truststore.p12", "ballerina"})
	if err != nil {
		t.Fatal(err)
	}
	first, err := store.find("wso2apim310")
	if err != nil {
		t.Fatal(err)
	}
	second, err := store.find("SECOND")
	if err != nil || first.Equal(second) {
		t.Fatalf("%v", err)
	}
	if _, err := store.find("localhost"); err == nil || !strings.Contains(err.Error(), "ambiguous") {
		t.Errorf("%v", err)
	}
	if _, err := store.find("third"); err == nil || !strings.Contains(err.Error(), `"wso2apim310"`) {
		t.Errorf("%v", err)
	}
}

func FuzzReadBags(f *testing.F) {
	certificate, err := asn1.Marshal(certBag{oidCertBag, []byte("DER")})
	if err != nil {
		f.Fatal(err)
	}
	name := asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: []byte{30, 4, 0, 'a', 0, 'b'}}
	bags, err := asn1.Marshal([]safeBag{{oidCertBag, asn1.RawValue{FullBytes: certificate}, []attribute{{oidFriendlyName, name}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bags)
	f.Fuzz(func(t *testing.T, content []byte) {
		names := map[string]string{}
		if err := readBags(content, names); err == nil && bytes.Equal(content, bags) && names["DER"] != "ab" {
			t.Errorf("%q", names)
		}
	})
}

func TestSigningKeysFromFiles(t *testing.T) {
	c := selfSigned(t, "gateway", rsaKey)
	data, err := pkcs12.Modern.WithRand(rand.Reader).Encode(rsaKey, c, nil, "store-secret")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]Signing{
		"PKCS#12": {Store: Store{write("k.p12", data), "store-secret"}},
		"PEM": {
			CertificateFile: write("c.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})),
			PrivateKeyFile:  write("k.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})),
		},
	} {
		signer, err := newSigner(&s)
		if err != nil || signer.certificate == nil || signer.method.Alg() != "RS256" {
			t.Errorf("%s: %+v, %v", name, signer, err)
		}
	}
	if _, err := newSigner(&Signing{Store: Store{write("k.p12", data), "wrong-secret"}}); err == nil || strings.Contains(err.Error(), "wrong-secret") {
		t.Errorf("%v", err)
	}
}
