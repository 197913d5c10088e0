// Command idp is a small identity provider for the security sample: it signs
// tokens, publishes its keys (RFC 7517) and knows the tokens that say nothing
// by themselves (RFC 7662).
//
//	go run ./samples/security/idp -addr 127.0.0.1:8090
//
//	POST /token               grant_type=client_credentials, as shop:shop-secret;
//	                          scope, token_format=jwt|opaque, expires_in=SECONDS
//	GET  /jwks                the public keys
//	POST /keys                signs with a new key from now on
//	POST /oauth2/introspect   token, as gateway:gateway-secret
//	POST /revoke              token, as shop:shop-secret (RFC 7009)
//	GET  /revokedjwt          the revoked ones, as gateway:gateway-secret
//	GET  /calls               how often keys and introspection were asked for
//
// Its clients and passwords are known to everybody: it is for trying things.
package main

import (
	"net/http"

	"mgw/samples/internal/serve"
)

// The URL that the provider serves at is the issuer of its tokens.
func main() {
	serve.Main("idp", "127.0.0.1:8090", func(issuer string) (http.Handler, error) {
		p, err := newProvider(issuer)
		if err != nil {
			return nil, err
		}
		return p.handler(), nil
	})
}
