// Package petstore_test runs the petstore sample as a user does: tools, init,
// build, backend, gateway, requests.
package petstore_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mgw/samples/internal/harness"
)

// petstore is the sample, running.
type petstore struct {
	dir     string
	tools   harness.Tools
	backend *harness.Process
	gateway *harness.Gateway
	token   string
}

var shop petstore

func TestMain(m *testing.M) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	err := shop.start(ctx)
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := shop.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stopping:", err)
		code = 1
	}
	cancel()
	os.Exit(code)
}

func (p *petstore) start(ctx context.Context) (err error) {
	if p.dir, err = os.MkdirTemp("", "mgw-petstore-"); err != nil {
		return err
	}
	p.tools, err = harness.BuildTools(ctx, p.dir, "./cmd/mgw", "./cmd/gateway", "./samples/petstore/backend")
	if err != nil {
		return err
	}
	definition, err := filepath.Abs("api_definitions/petstore.yaml")
	if err != nil {
		return err
	}
	for _, args := range [][]string{{"init", "petstore", "-a", definition}, {"build", "petstore"}} {
		if _, err := harness.Run(ctx, p.dir, nil, p.tools.Path("mgw"), args...); err != nil {
			return err
		}
	}
	token, err := harness.Run(ctx, p.dir, nil, p.tools.Path("mgw"), "token", "petstore", "--scope", "write:pets", "--tier", "Unlimited", "--app-tier", "Unlimited")
	if err != nil {
		return err
	}
	p.token = strings.TrimSpace(token)
	if p.backend, err = harness.Start(p.dir, nil, p.tools.Path("backend"), "-addr", "127.0.0.1:0"); err != nil {
		return err
	}
	url, err := p.backend.WaitLine(ctx, `^http://\S+$`)
	if err != nil {
		return err
	}
	p.gateway, err = p.tools.StartGateway(ctx, p.dir, "target/petstore", "--petstore_prod_endpoint_0="+url[0])
	return err
}

func (p *petstore) stop() error {
	var failed []string
	if p.gateway != nil {
		if err := p.gateway.Stop(); err != nil {
			failed = append(failed, fmt.Sprintf("gateway: %v\n%s", err, p.gateway.Output()))
		}
	}
	if p.backend != nil {
		if err := p.backend.Stop(); err != nil {
			failed = append(failed, fmt.Sprintf("backend: %v", err))
		}
	}
	os.RemoveAll(p.dir)
	if failed != nil {
		return fmt.Errorf("%s", strings.Join(failed, "\n"))
	}
	return nil
}

// call sends a request through the gateway and gives status and body.
func (p *petstore) call(t *testing.T, method, path, body, token string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.gateway.HTTP+path, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Timeout: 10 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(answer)
}

// awaitWindow returns in the first ten seconds of a minute window.
func awaitWindow(t *testing.T) {
	t.Helper()
	if into := time.Since(time.Now().Truncate(time.Minute)); into > 10*time.Second {
		t.Logf("waiting %v for the next minute", time.Minute-into)
		time.Sleep(time.Minute - into)
	}
}

func TestEveryOperationReachesTheBackend(t *testing.T) {
	const base = "/petstore/v1"
	for _, tc := range []struct {
		method, path, body string
		want               int
		contains           string
	}{
		{"POST", "/pet", `{"name":"Bo","photoUrls":[]}`, 201, `"id":4`},
		{"PUT", "/pet", `{"id":4,"name":"Bob","photoUrls":[],"status":"pending"}`, 200, `"Bob"`},
		{"GET", "/pet/4", "", 200, `"pending"`},
		{"HEAD", "/pet/4", "", 200, ``},
		{"POST", "/pet/4?name=Bobby", "", 200, `"Bobby"`},
		{"POST", "/pet/4/uploadImage", "not really a picture", 200, `20 bytes`},
		{"GET", "/pet/findByTags?tags=loud&tags=quiet", "", 200, `"Mia"`},
		{"GET", "/store/inventory", "", 200, `"available":2`},
		{"POST", "/store/order", `{"petId":1,"quantity":1}`, 201, `"placed"`},
		{"GET", "/store/order/5", "", 200, `"petId":1`},
		{"DELETE", "/store/order/5", "", 204, ``},
		{"GET", "/store/order/5", "", 404, `no order 5`},
		{"POST", "/user", `{"username":"kim","password":"p"}`, 201, `"kim"`},
		{"POST", "/user/createWithList", `[{"username":"lee"}]`, 201, ``},
		{"GET", "/user/login?username=kim&password=p", "", 200, `session of kim`},
		{"GET", "/user/logout", "", 204, ``},
		{"GET", "/user/lee", "", 200, `"lee"`},
		{"PUT", "/user/lee", `{"username":"lea"}`, 200, `"lea"`},
		{"DELETE", "/user/lea", "", 204, ``},
		{"DELETE", "/pet/4", "", 204, ``},
	} {
		status, _, body := shop.call(t, tc.method, base+tc.path, tc.body, shop.token)
		if status != tc.want || !strings.Contains(body, tc.contains) {
			t.Errorf("%s %s: %d %s, want %d and %q", tc.method, tc.path, status, body, tc.want, tc.contains)
		}
	}
}

func TestWhatIsNotDefinedIsRefused(t *testing.T) {
	for _, tc := range []struct {
		method, path, token string
		status              int
		code                string
	}{
		{"GET", "/petstore/v1/nowhere", shop.token, 404, `"code":404`},
		{"GET", "/elsewhere", shop.token, 404, `"code":404`},
		{"DELETE", "/petstore/v1/store/inventory", shop.token, 405, `"code":405`},
		{"GET", "/petstore/v1/pet/%2e%2e/secret", shop.token, 400, `"code":400`},
		{"GET", "/petstore/v1/user/kim", "", 401, `"code":900902`},
		{"GET", "/petstore/v1/user/kim", "no.good.token", 401, `"code":900901`},
	} {
		status, header, body := shop.call(t, tc.method, tc.path, "", tc.token)
		if status != tc.status || !strings.Contains(body, tc.code) {
			t.Errorf("%s %s: %d %s, want %d and %s", tc.method, tc.path, status, body, tc.status, tc.code)
		}
		if status == 405 && header.Get("Allow") != "GET, HEAD" {
			t.Errorf("Allow: %q", header.Get("Allow"))
		}
		if status == 401 && header.Get("WWW-Authenticate") == "" {
			t.Error("no WWW-Authenticate")
		}
	}
}

func TestTierOfFiveLetsExactlyFiveThrough(t *testing.T) {
	awaitWindow(t)
	for n := 1; n <= 8; n++ {
		status, header, body := shop.call(t, "GET", "/petstore/v1/pet/findByStatus", "", "")
		switch {
		case n <= 5 && status != 200:
			t.Errorf("request %d: %d %s", n, status, body)
		case n > 5 && status != 429:
			t.Errorf("request %d: %d %s", n, status, body)
		case n > 5:
			if !strings.Contains(body, `"code":900802`) || header.Get("Retry-After") == "" || header.Get("RateLimit") == "" {
				t.Errorf("request %d: %v %s", n, header, body)
			}
		}
	}
}

func TestHealthAndReady(t *testing.T) {
	for path, want := range map[string]string{"/health": `{"status":"healthy"}`, "/ready": `{"status":"ready"}`} {
		if status, _, body := shop.call(t, "GET", path, "", ""); status != 200 || body != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestTheGatewaySaysWhatItRunsWith(t *testing.T) {
	for _, part := range []string{"project=petstore", "digest=sha256:", "configuration=", filepath.Join("conf", "micro-gw.conf")} {
		if !strings.Contains(shop.gateway.Output(), part) {
			t.Errorf("the gateway printed no %s:\n%s", part, shop.gateway.Output())
		}
	}
}
