package auth

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

// MutualTLS is [mutualSSLConfig].
type MutualTLS struct {
	Certificates []ClientCertificates
	// Header carries the client's certificate where a proxy ends TLS;
	// X-WSO2-CLIENT-CERTIFICATE. It is believed from trusted proxies only, and
	// removed from every other request.
	Header         string
	TrustedProxies []netip.Prefix
	// HeaderOnly is isClientCertificateValidationEnabled = false: the proxy
	// itself shows no certificate.
	HeaderOnly bool
}

// ClientCertificates is one [[mutualSSLConfig.api.certificates]]: who may call
// an API. An API that none names lets nobody in.
type ClientCertificates struct {
	API, Version string
	Aliases      []string // in the trust store
}

// mutual identifies clients by certificate (contract 9.5).
type mutual struct {
	MutualTLS
	header field
	store  *trusted
	// clients holds, by API ID, the identities by DER certificate.
	clients []map[string]*clientCertificate
}

type clientCertificate struct {
	certificate *x509.Certificate
	identity    *identity
}

func newMutual(a *Authenticator, store *trusted) (*mutual, error) {
	m := &mutual{MutualTLS: a.options.MutualTLS, store: store, clients: make([]map[string]*clientCertificate, len(a.options.APIs))}
	if m.Header == "" {
		m.Header = "X-WSO2-CLIENT-CERTIFICATE"
	}
	m.header = newField(m.Header)
	known := map[string]*clientCertificate{} // by alias: one identity for all APIs
	for _, entry := range m.Certificates {
		for _, alias := range entry.Aliases {
			if known[alias] == nil {
				c, err := store.find(alias)
				if err != nil {
					return nil, fmt.Errorf("mutual TLS for API %q: %w", entry.API, err)
				}
				known[alias] = &clientCertificate{c, a.mutualIdentity(alias)}
			}
			m.allow(a.options.APIs, entry, known[alias])
		}
	}
	return m, nil
}

func (m *mutual) allow(apis []spec.API, entry ClientCertificates, c *clientCertificate) {
	for i := range apis {
		if !strings.EqualFold(apis[i].Name, entry.API) || !strings.EqualFold(apis[i].Version, entry.Version) {
			continue
		}
		if m.clients[i] == nil {
			m.clients[i] = map[string]*clientCertificate{}
		}
		m.clients[i][string(c.certificate.Raw)] = c
	}
}

// mutualIdentity is contract 9.5, with an application for each certificate
// instead of a common "__unknown__".
func (a *Authenticator) mutualIdentity(alias string) *identity {
	return a.identity(&exchange.Principal{
		Kind:        exchange.MutualTLS,
		Subject:     "Unknown",
		Application: exchange.Application{ID: alias, Name: alias},
	})
}

// identify gives the identity of the client's certificate; nil without a fault
// when there is no certificate.
func (m *mutual) identify(x *exchange.Exchange, now int64) (*identity, *reply.Fault) {
	der, fault := m.shown(x)
	if der == nil || fault != nil {
		return nil, fault
	}
	c := m.clients[x.API.ID][string(der)]
	if c == nil || now < c.certificate.NotBefore.UnixNano() || now >= c.certificate.NotAfter.UnixNano() {
		return nil, reply.InvalidCredentials
	}
	return c.identity, nil
}

// shown gives the certificate that identifies the client, in DER.
func (m *mutual) shown(x *exchange.Exchange) ([]byte, *reply.Fault) {
	var handshake []byte
	if x.TLS != nil && len(x.TLS.PeerCertificates) > 0 {
		handshake = x.TLS.PeerCertificates[0].Raw
	}
	value, count := m.header.find(&x.Request)
	switch {
	case count > 1:
		return nil, reply.InvalidCredentials
	case count == 1 && !m.HeaderOnly && !m.proven(x, handshake):
		return nil, reply.InvalidCredentials
	case count == 1:
		der := decodeCertificate(value)
		if der == nil {
			return nil, reply.InvalidCredentials
		}
		return der, nil
	case m.HeaderOnly:
		return nil, nil
	}
	return handshake, nil
}

// distrust removes the field that anybody but a trusted proxy sent, so that no
// backend believes it either.
func (m *mutual) distrust(x *exchange.Exchange) {
	if _, count := m.header.find(&x.Request); count > 0 && !m.fromProxy(x) {
		x.Request.Del(m.Header)
	}
}

func (m *mutual) fromProxy(x *exchange.Exchange) bool {
	peer := x.Peer.Addr().Unmap()
	for _, p := range m.TrustedProxies {
		if p.Contains(peer) {
			return true
		}
	}
	return false
}

// proven tells whether the proxy's own certificate, of any alias, is trusted.
func (m *mutual) proven(x *exchange.Exchange, handshake []byte) bool {
	if handshake == nil {
		return false
	}
	if len(x.TLS.VerifiedChains) > 0 {
		return true
	}
	for _, e := range m.store.entries {
		if bytes.Equal(e.certificate.Raw, handshake) {
			return true
		}
	}
	return false
}

// maxCertificate bounds the field; certificates are smaller.
const maxCertificate = 16 << 10

// decodeCertificate reads a certificate from a field value: base64 of the DER
// or of the PEM, or PEM, each also percent-encoded; nil when it is none. White
// space, which proxies put where PEM has line ends, does not count.
func decodeCertificate(value []byte) []byte {
	if len(value) > maxCertificate {
		return nil
	}
	text, err := url.PathUnescape(string(value))
	if err != nil {
		return nil
	}
	der, ok := decodePEM(text)
	if !ok {
		return nil
	}
	if bytes.HasPrefix(der, []byte(pemBegin)) {
		if der, ok = decodePEM(string(der)); !ok {
			return nil
		}
	}
	return der
}

const (
	pemBegin = "-----BEGIN CERTIFICATE-----"
	pemEnd   = "-----END CERTIFICATE-----"
)

func decodePEM(text string) ([]byte, bool) {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, pemBegin); ok {
		text, _, _ = strings.Cut(rest, pemEnd)
	}
	text = strings.Join(strings.Fields(text), "")
	der, err := base64.StdEncoding.DecodeString(text)
	return der, err == nil && len(der) > 0
}
