package security_test

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mgw/samples/internal/harness"
)

// another starts a second gateway of the same build.
func another(t *testing.T, provider string, flags ...string) *harness.Gateway {
	t.Helper()
	env := []string{"IDP_URL=" + provider, "INTROSPECTION_PASSWORD=gateway-secret"}
	flags = append(flags, "--echo_prod_endpoint_0="+sample.Servers["echo"].URL)
	g, err := sample.StartGatewayIn(t.Context(), sample.Dir, env, "demo/target/demo", flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Stop(); err != nil {
			t.Errorf("%v\n%s", err, g.Output())
		}
	})
	return g
}

func TestRequestsWithOneNewTokenAskOnce(t *testing.T) {
	token := issue(t, "token_format=opaque")
	before := calls(t).Introspections
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			r := harness.Request{URL: sample.Gateway.HTTP + "/tokens/me", Token: token}
			if a, err := r.Send(t.Context()); err != nil || a.Status != 200 {
				t.Error(err, a)
			}
		})
	}
	group.Wait()
	if n := calls(t).Introspections - before; n != 1 {
		t.Errorf("the provider was asked %d times", n)
	}
}

// While the provider hangs, and when it is gone, who is known gets in, whose
// token its known keys signed gets in, nobody else does and nobody waits for
// others.
func TestProviderThatHangsOrIsAway(t *testing.T) {
	t.Parallel()
	idp, err := harness.Start(sample.Dir, nil, sample.Path("idp"), "-addr", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := idp.Stop(); err != nil {
			t.Error(err)
		}
	}()
	provider, err := idp.WaitLine(t.Context(), `^http://\S+$`)
	if err != nil {
		t.Fatal(err)
	}
	g := another(t, provider[0])
	me := func(token string) harness.Answer {
		t.Helper()
		return send(t, harness.Request{URL: g.HTTP + "/tokens/me", Token: token})
	}
	known, later := issueAt(t, provider[0], ""), issueAt(t, provider[0], "")
	opaque, strange := issueAt(t, provider[0], "token_format=opaque"), issueAt(t, provider[0], "token_format=opaque")
	for _, token := range []string{known, opaque} {
		if a := me(token); a.Status != 200 {
			t.Fatal(a)
		}
	}

	hang(t, idp, provider[0])
	refused := make(chan harness.Answer, 1)
	go func() {
		a, _ := harness.Request{URL: g.HTTP + "/tokens/me", Token: strange}.Send(t.Context())
		refused <- a
	}()
	began := time.Now()
	for _, token := range []string{known, opaque, later} {
		if a := me(token); a.Status != 200 {
			t.Errorf("while the provider hangs: %v", a)
		}
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("those who are known waited %v", took)
	}
	if a := <-refused; a.Status != 401 || a.Code != 900901 {
		t.Errorf("a token that nobody knows while the provider hangs: %v", a)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the one who is not known waited %v", took)
	}

	if err := idp.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := idp.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{known, opaque, later} {
		if a := me(token); a.Status != 200 {
			t.Errorf("without the provider: %v", a)
		}
	}
	if a := me("another." + strange); a.Status != 401 || a.Code != 900901 {
		t.Errorf("a token that nobody knows: %v", a)
	}
}

// hang stops a provider without ending it, and waits until it is silent.
func hang(t *testing.T, idp *harness.Process, provider string) {
	t.Helper()
	if err := idp.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, err := harness.Request{URL: provider + "/calls"}.Send(ctx)
		cancel()
		if err != nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the provider goes on")
		}
	}
}

// issueAt gets a token of a provider.
func issueAt(t *testing.T, provider, form string) string {
	t.Helper()
	r := harness.Request{Method: "POST", URL: provider + "/token", Body: "grant_type=client_credentials&" + form,
		Fields: map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Authorization": basic("shop", "shop-secret")["Authorization"]}}
	a, err := r.Send(t.Context())
	if err != nil || a.Status != 200 {
		t.Fatal(err, a)
	}
	var token struct {
		Text string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(a.Body), &token); err != nil || token.Text == "" {
		t.Fatal(err, a)
	}
	return token.Text
}

// A proxy that ends TLS shows the client's certificate in a field, and its own
// on the connection.
func TestCertificateFromATrustedProxy(t *testing.T) {
	t.Parallel()
	provider := sample.Servers["idp"].URL
	const trust = "--listenerConfig.trustedProxies=127.0.0.1"
	checked := another(t, provider, trust)
	plain := another(t, provider, trust, "--mutualSSLConfig.isClientCertificateValidationEnabled=false")
	field := func(name string) map[string]string {
		return map[string]string{"X-WSO2-CLIENT-CERTIFICATE": url.PathEscape(string(pemFile(t, name+".pem")))}
	}
	own, stranger := pair(t, "gateway"), pair(t, "stranger")
	at := func(g *harness.Gateway) string { return g.HTTPS + "/partners/certificate" }
	for _, tc := range []attempt{
		{"proxy that is known", harness.Request{URL: at(checked), Client: own, Fields: field("partner")}, 200, 0},
		{"client that is not", harness.Request{URL: at(checked), Client: own, Fields: field("stranger")}, 401, 900901},
		{"proxy that is not known", harness.Request{URL: at(checked), Client: stranger, Fields: field("partner")}, 401, 900901},
		{"proxy without a certificate", harness.Request{URL: at(checked), Fields: field("partner")}, 401, 900901},
		{"proxy alone", harness.Request{URL: at(checked), Client: own}, 401, 900901},
		{"unchecked proxy", harness.Request{URL: at(plain), Fields: field("partner")}, 200, 0},
		{"unchecked proxy, client that is not known", harness.Request{URL: at(plain), Fields: field("stranger")}, 401, 900901},
		{"unchecked proxy, no field", harness.Request{URL: at(plain)}, 401, 900901},
		{"unchecked proxy, no certificate in the field", harness.Request{URL: at(plain),
			Fields: map[string]string{"X-WSO2-CLIENT-CERTIFICATE": strings.Repeat("x", 99)}}, 401, 900901},
	} {
		tc.run(t)
	}
}

// A gateway asks at its start which tokens were taken back.
func TestTokensThatWereTakenBack(t *testing.T) {
	t.Parallel()
	idp := sample.Servers["idp"].URL
	for form, name := range map[string]string{"": "JWT", "token_format=opaque": "opaque"} {
		kept, revoked := issue(t, form), issue(t, form)
		r := harness.Request{Method: "POST", URL: idp + "/revoke", Body: "token=" + revoked,
			Fields: map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Authorization": basic("shop", "shop-secret")["Authorization"]}}
		if a := send(t, r); a.Status != 200 {
			t.Fatal(a)
		}
		g := another(t, idp)
		r = harness.Request{URL: g.HTTP + "/tokens/me", Token: revoked}
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			a := send(t, r)
			if a.Status == 401 && a.Code == 900901 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %v", name, a)
			}
		}
		if a := send(t, harness.Request{URL: g.HTTP + "/tokens/me", Token: kept}); a.Status != 200 {
			t.Errorf("%s that was not taken back: %v", name, a)
		}
	}
}
