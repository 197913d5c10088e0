package auth

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"software.sslmate.com/src/go-pkcs12"

	"mgw/runtime/internal/exchange"
)

const certificateField = "X-WSO2-CLIENT-CERTIFICATE"

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

// tlsBed has three certificates: one may call Petstore, one is only trusted,
// one is unknown.
type tlsBed struct {
	*bench
	partner, proxy, stranger *x509.Certificate
}

func withMutual(t testing.TB, mode string, optional bool, change func(*Options)) *tlsBed {
	bed := &tlsBed{
		partner:  selfSigned(t, "partner", ec256),
		proxy:    selfSigned(t, "proxy", ec384),
		stranger: selfSigned(t, "stranger", ec256),
	}
	bed.bench = setUp(t, func(o *Options) {
		for i := range o.APIs {
			o.APIs[i].MutualTLS = mode
			o.APIs[i].Operations[opSecured].Security.Optional = optional
		}
		o.TrustStore = trustStore(t, bed.partner, bed.proxy)
		o.MutualTLS = MutualTLS{
			Certificates:   []ClientCertificates{{"petstore", "1.0.5", []string{"partner"}}},
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		}
		if change != nil {
			change(o)
		}
	})
	return bed
}

// over makes a request come over TLS, with a certificate.
func over(x *exchange.Exchange, c *x509.Certificate) *exchange.Exchange {
	x.TLS = &tls.ConnectionState{}
	if c != nil {
		x.TLS.PeerCertificates = []*x509.Certificate{c}
	}
	return x
}

func TestHowCertificatesAndCredentialsCombine(t *testing.T) {
	const mutualFailed = `Mutual SSL realm="WSO2 API Microgateway" ` + challengeOAuth
	good, bad := "Bearer "+sign(t, jwt.SigningMethodRS256, rsaKey, claims()), "Bearer a.b.c"
	for name, tc := range map[string]struct {
		mode      string
		optional  bool
		who       string
		token     string
		code      int
		challenge string
		kind      exchange.Kind
	}{
		"mandatory, both":                        {"mandatory", false, "partner", good, 0, "", exchange.JWT},
		"mandatory, certificate alone":           {"mandatory", false, "partner", "", 900902, challengeOAuth, 0},
		"mandatory, certificate, bad token":      {"mandatory", false, "partner", bad, 900901, challengeOAuth, 0},
		"mandatory, token alone":                 {"mandatory", false, "", good, 900901, mutualFailed, 0},
		"mandatory, certificate of another API":  {"mandatory", false, "proxy", good, 900901, mutualFailed, 0},
		"mandatory, unknown certificate":         {"mandatory", false, "stranger", good, 900901, mutualFailed, 0},
		"security optional, certificate alone":   {"mandatory", true, "partner", "", 0, "", exchange.MutualTLS},
		"security optional, both":                {"mandatory", true, "partner", good, 0, "", exchange.JWT},
		"security optional, bad token":           {"mandatory", true, "partner", bad, 0, "", exchange.MutualTLS},
		"security optional, no certificate":      {"mandatory", true, "", good, 900901, mutualFailed, 0},
		"security optional, unknown certificate": {"mandatory", true, "stranger", good, 900901, mutualFailed, 0},
		"optional, token alone":                  {"optional", false, "", good, 0, "", exchange.JWT},
		"optional, both":                         {"optional", false, "partner", good, 0, "", exchange.JWT},
		"optional, certificate alone":            {"optional", false, "partner", "", 900902, challengeOAuth, 0},
		"optional, unknown certificate":          {"optional", false, "stranger", good, 900901, mutualFailed, 0},
		"optional security beside optional TLS":  {"optional", true, "", "", 900902, challengeOAuth, 0},
		"optional security without mutual TLS":   {"", true, "partner", "", 900902, challengeOAuth, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := withMutual(t, tc.mode, tc.optional, nil)
			x := over(b.request(0, opSecured), map[string]*x509.Certificate{"partner": b.partner, "proxy": b.proxy, "stranger": b.stranger}[tc.who])
			if tc.token != "" {
				x.Request.Add("Authorization", tc.token)
			}
			if tc.code != 0 {
				if got := b.refused(x, tc.code); got.challenge != tc.challenge || got.status != 401 {
					t.Errorf("got  %+v\nwant %s", got, tc.challenge)
				}
				return
			}
			p := b.passes(x).Principal
			if p.Kind != tc.kind || p.Kind == exchange.MutualTLS && (p.Subject != "Unknown" || p.Application.ID != "partner") {
				t.Errorf("%+v", p)
			}
			if x.Request.Get(exchange.Authorization) != nil {
				t.Error("the credential goes to the backend")
			}
		})
	}
}

func TestAnAPIThatNoCertificateNamesLetsNobodyIn(t *testing.T) {
	b := withMutual(t, "mandatory", true, nil)
	b.refused(over(b.request(1, opSecured), b.partner), 900901)
}

func TestDisabledSecurityNeedsNoCertificate(t *testing.T) {
	b := withMutual(t, "mandatory", false, nil)
	x := over(b.request(0, opOpen, certificateField, "forged"), nil)
	x.Peer = netip.MustParseAddrPort("192.0.2.1:1")
	b.passes(x)
	if _, there := x.Request.Lookup(certificateField); there {
		t.Error("a field of anybody goes to the backend")
	}
}

func TestACertificateEnds(t *testing.T) {
	b := withMutual(t, "mandatory", true, nil)
	b.passes(over(b.request(0, opSecured), b.partner))
	b.clock.pass(24 * time.Hour)
	b.refused(over(b.request(0, opSecured), b.partner), 900901)
	b.clock.pass(-26 * time.Hour)
	b.refused(over(b.request(0, opSecured), b.partner), 900901)
}

func TestCertificatesInAFieldAreBelievedFromTrustedProxiesOnly(t *testing.T) {
	base := base64.StdEncoding.EncodeToString
	for name, tc := range map[string]struct {
		headerOnly bool
		peer       string
		handshake  string
		field      string // whose certificate
		pass       bool
	}{
		"proxy with its own certificate":    {false, "10.1.2.3", "proxy", "partner", true},
		"proxy as IPv4 in IPv6":             {false, "::ffff:10.1.2.3", "proxy", "partner", true},
		"proxy without certificate":         {false, "10.1.2.3", "", "partner", false},
		"proxy with an unknown certificate": {false, "10.1.2.3", "stranger", "partner", false},
		"proxy for a stranger":              {false, "10.1.2.3", "proxy", "stranger", false},
		"proxy for itself":                  {false, "10.1.2.3", "proxy", "", false},
		"anybody with a field":              {false, "192.0.2.1", "", "partner", false},
		"anybody with the proxy's":          {false, "192.0.2.1", "proxy", "partner", false},
		"a partner with another's field":    {false, "192.0.2.1", "partner", "stranger", true},
		"header only, proxy":                {true, "10.1.2.3", "", "partner", true},
		"header only, anybody":              {true, "192.0.2.1", "", "partner", false},
		"header only, no field":             {true, "10.1.2.3", "partner", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			b := withMutual(t, "mandatory", true, func(o *Options) { o.MutualTLS.HeaderOnly = tc.headerOnly })
			byName := map[string]*x509.Certificate{"partner": b.partner, "proxy": b.proxy, "stranger": b.stranger}
			x := over(b.request(0, opSecured), byName[tc.handshake])
			x.Peer = netip.AddrPortFrom(netip.MustParseAddr(tc.peer), 4711)
			if tc.field != "" {
				x.Request.Add("x-wso2-client-certificate", base(byName[tc.field].Raw))
			}
			if tc.pass {
				b.passes(x)
			} else {
				b.refused(x, 900901)
			}
			if _, there := x.Request.Lookup(certificateField); there && !strings.Contains(tc.peer, "10.") {
				t.Error("a field of anybody goes to the backend")
			}
		})
	}
}

func TestHowProxiesWriteCertificates(t *testing.T) {
	c := selfSigned(t, "partner", ec256)
	base := base64.StdEncoding.EncodeToString
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	for name, tc := range map[string]struct {
		value string
		good  bool
	}{
		"base64":             {base(c.Raw), true},
		"base64, escaped":    {url.QueryEscape(base(c.Raw)), true},
		"PEM, escaped":       {url.PathEscape(text), true},
		"PEM on one line":    {strings.ReplaceAll(text, "\n", " "), true},
		"PEM without breaks": {strings.ReplaceAll(text, "\n", ""), true},
		"PEM in base64":      {base([]byte(text)), true},
		"bad escape":         {"%zz", false},
		"not base64":         {"!!", false},
		"PEM of junk":        {base([]byte(pemBegin + "!!")), false},
		"too long":           {strings.Repeat("A", maxCertificate+4), false},
		"empty":              {"", false},
	} {
		if der := decodeCertificate([]byte(tc.value)); (string(der) == string(c.Raw)) != tc.good || !tc.good && der != nil {
			t.Errorf("%s: %d bytes", name, len(der))
		}
	}
}

func TestAliasesOfATrustStore(t *testing.T) {
	one, same, other := selfSigned(t, "same", ec256), selfSigned(t, "same", ec384), selfSigned(t, "other", rsaKey)
	store := trustStore(t, one, same, other)
	for name, o := range map[string]Options{
		"unknown":        {TrustStore: store, Issuers: []Issuer{{Issuer: idp, CertificateAlias: "nobody"}}},
		"ambiguous":      {TrustStore: store, Issuers: []Issuer{{Issuer: idp, CertificateAlias: "same"}}},
		"wrong password": {TrustStore: Store{store.Path, "wrong-secret"}},
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

func FuzzDecodeCertificate(f *testing.F) {
	f.Add([]byte("AAAA"))
	f.Add([]byte(pemBegin + " AAAA " + pemEnd))
	f.Add([]byte("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tQUFBQQ=="))
	f.Fuzz(func(t *testing.T, value []byte) {
		if der := decodeCertificate(value); len(der) > len(value) {
			t.Errorf("%d bytes of %d", len(der), len(value))
		}
	})
}

func TestACertificateAllocatesNothing(t *testing.T) {
	b := withMutual(t, "mandatory", true, nil)
	x := over(b.request(0, opSecured), b.partner)
	if n := testing.AllocsPerRun(100, func() { b.Authenticate(x) }); n != 0 || x.Grant == nil {
		t.Errorf("%v allocations", n)
	}
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
