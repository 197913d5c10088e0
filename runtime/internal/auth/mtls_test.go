package auth

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mgw/runtime/internal/exchange"
)

const certificateField = "X-WSO2-CLIENT-CERTIFICATE"

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
