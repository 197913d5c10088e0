package auth

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// KeyIssue is apikey.issuer: how the gateway makes API keys for its users.
type KeyIssue struct {
	Signing  Signing
	Borrowed bool // Signing is the listener's: where it cannot sign tokens, no keys are made
	Issuer   string
	KeyID    string        // certificateAlias, the key's "kid"
	Validity time.Duration // 0 or less: keys do not expire
	APIs     []KeyAPI      // the claim allowedAPIs
}

// KeyAPI is one [[apikey.issuer.api]].
type KeyAPI struct {
	Name     string
	Versions []string // "*" is any
}

// keyMaker makes API keys.
type keyMaker struct {
	KeyIssue
	signer  *signer
	allowed []map[string]any
}

func newKeyMaker(o *Options) (*keyMaker, error) {
	if o.KeyIssue == nil {
		return nil, nil
	}
	if o.KeyIssue.Issuer == "" {
		return nil, errors.New("API keys: no issuer")
	}
	s, err := newSigner(&o.KeyIssue.Signing)
	if errors.Is(err, errUnfit) && o.KeyIssue.Borrowed {
		o.Log.Warn("no API keys are issued", "error", err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := &keyMaker{KeyIssue: *o.KeyIssue, signer: s}
	for _, api := range o.KeyIssue.APIs {
		for _, version := range api.Versions {
			m.allowed = append(m.allowed, map[string]any{"name": api.Name, "version": version})
		}
	}
	return m, nil
}

// keys gives what keys of this maker verify with.
func (m *keyMaker) keys() keySet { return keySet{{public: m.signer.key.Public()}} }

// Answers of the endpoint (contract 9.3).
const (
	keysDisabled    = "Error: API Key issuer is disabled"
	keyFailed       = `{"error":"error occurred while generating API Key token"}`
	badKeyRequest   = `{"error":"the body is not a JSON object with a validityTime in seconds"}`
	maxKeyRequest   = 4 << 10
	maxValidity     = int64(10 * 365 * 24 * 3600) // seconds
	challengeOfKeys = challengeBasic + challengeEnd
)

// IssueKey is a stage that answers requests for an API key: contract 9.3. It
// never passes a request on, and does not answer on plaintext, where password
// and key could be read by others.
func (a *Authenticator) IssueKey(x *exchange.Exchange) bool {
	switch {
	case x.Scheme != "https":
		reply.NotFound.Send(x)
	case x.Method != "GET" && x.Method != "POST":
		x.Response.Set("Allow", "GET, POST")
		reply.MethodNotAllowed.Send(x)
	case a.keyMaker == nil:
		plain(x, keysDisabled)
	default:
		a.issueKey(x)
	}
	return false
}

func (a *Authenticator) issueKey(x *exchange.Exchange) {
	f := newField("Authorization")
	value, count := f.find(&x.Request)
	kind, text := credential(value)
	switch {
	case len(value) == 0:
		refuse(x, reply.MissingCredentials, challengeOfKeys)
		return
	case count > 1 || kind != showsBasic:
		refuse(x, reply.WrongScheme, challengeOfKeys)
		return
	}
	id, fault := a.basic(x.Client.Context(), text)
	if fault != nil {
		refuse(x, fault, challengeOfKeys)
		return
	}
	asked, err := validityAsked(x.Request.Body)
	if err != nil {
		reply.JSON(x, 400, badKeyRequest)
		return
	}
	key, err := a.keyMaker.make(id.principal.Subject, asked, a.options.Now())
	if err != nil {
		a.options.Log.Error("an API key could not be signed", "error", err)
		reply.JSON(x, 500, keyFailed)
		return
	}
	plain(x, key)
}

func plain(x *exchange.Exchange, text string) {
	x.Status = 200
	x.Response.Set("Content-Type", "text/plain")
	x.Response.Set("Cache-Control", "no-store")
	x.Response.SetBodyString(text)
}

// make gives a key for a user. What the user asks for can only shorten it.
func (m *keyMaker) make(subject string, asked time.Duration, now int64) (string, error) {
	issued := now / int64(time.Second)
	claims := jwt.MapClaims{"sub": subject, "iss": m.Issuer, "jti": newID(), "iat": issued, "keytype": "PRODUCTION"}
	validity := m.Validity
	if asked > 0 && (validity <= 0 || asked < validity) {
		validity = asked
	}
	if validity > 0 {
		claims["exp"] = issued + int64(validity/time.Second)
	}
	if m.allowed != nil {
		claims["allowedAPIs"] = m.allowed
	}
	header := []string{"typ", "jwt"}
	if m.KeyID != "" {
		header = append(header, "kid", m.KeyID)
	}
	return m.signer.sign(claims, header...)
}

// validityAsked reads {"validityTime": seconds}, 0 when there is none.
func validityAsked(body exchange.Body) (time.Duration, error) {
	var content []byte
	for body != nil {
		chunk, err := body.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		if content = append(content, chunk...); len(content) > maxKeyRequest {
			err := errors.New("the body is too long")
			body.Abort(err)
			return 0, err
		}
	}
	if strings.TrimSpace(string(content)) == "" {
		return 0, nil
	}
	var request struct{ ValidityTime int64 }
	if err := json.Unmarshal(content, &request); err != nil {
		return 0, err
	}
	return time.Duration(max(0, min(request.ValidityTime, maxValidity))) * time.Second, nil
}
