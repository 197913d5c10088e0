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
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8090", "`address` to listen on; port 0 picks a free one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *addr); err != nil {
		fmt.Fprintln(os.Stderr, "idp:", err)
		os.Exit(1)
	}
}

// serve answers until ctx ends. The first line it prints is its URL, which is
// also the issuer of its tokens.
func serve(ctx context.Context, addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	issuer := fmt.Sprintf("http://%s", ln.Addr())
	p, err := newProvider(issuer)
	if err != nil {
		return err
	}
	fmt.Println(issuer)
	server := &http.Server{Handler: p.handler(), ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		stopped <- server.Shutdown(bound)
	}()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
