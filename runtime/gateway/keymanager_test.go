package gateway

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// tellsWhatItWasAsked is a key manager that tells what it was asked.
func tellsWhatItWasAsked(t *testing.T) string {
	return backendOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Location", "https://login.example/")
		w.WriteHeader(http.StatusFound)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.RequestURI, r.Header.Get("Authorization"), body)
	})
}

// direct follows no redirection and trusts any certificate.
var direct = &http.Client{
	Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func askWithBasic(t *testing.T, method, url, body string) (status int, answer string, h http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Basic Y2xpZW50OnNlY3JldA==")
	response, err := direct.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text), response.Header
}

func TestTheKeyManagersOwnPathsArePassedOn(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		r := start(t, served(backendOf(t, func(http.ResponseWriter, *http.Request) {})), engine, "keyManager.serverUrl="+tellsWhatItWasAsked(t)+"/")
		const credential = "Basic Y2xpZW50OnNlY3JldA=="
		for _, tc := range []struct {
			method, path, body string
			status             int
			want               string
		}{
			{"POST", "/token", "grant_type=password", 302, "POST /oauth2/token " + credential + " grant_type=password"},
			{"POST", "/token?tenant=a", "", 302, "POST /oauth2/token?tenant=a " + credential + " "},
			{"POST", "/revoke", "token=x", 302, "POST /oauth2/revoke " + credential + " token=x"},
			{"GET", "/authorize?client_id=a&x=%2F", "", 302, "GET /oauth2/authorize?client_id=a&x=%2F " + credential + " "},
			{"GET", "/userinfo", "", 302, "GET /oauth2/userinfo " + credential + " "},
			{"GET", "/token", "", 405, "Method not allowed"},
			{"POST", "/userinfo", "", 405, "Method not allowed"},
			{"POST", "/token/x", "", 404, "No matching resource"},
			{"POST", "/token/..%2fadmin", "", 400, "more than one way"},
			{"POST", "/tokens", "", 404, "No matching resource"},
			{"POST", "/introspect", "", 404, "No matching resource"},
		} {
			status, answer, h := askWithBasic(t, tc.method, r.url+tc.path, tc.body)
			if status != tc.status || !strings.Contains(answer, tc.want) || status == 302 && h.Get("Location") != "https://login.example/" {
				t.Errorf("%s %s: %d %q %v", tc.method, tc.path, status, answer, h)
			}
		}
	})
}

func TestAKeyManagerThatIsGoneIsSaidToBe(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	for legacy, status := range map[string]int{"false": 502, "true": 500} {
		r := start(t, served("http://127.0.0.1:1"), "keyManager.serverUrl=http://"+gone.Addr().String(), "httpClients.legacyStatus="+legacy)
		for path, name := range map[string]string{"/token": "token", "/revoke": "revoke"} {
			got, answer, _ := askWithBasic(t, "POST", r.url+path, "")
			if got != status || answer != `{"error":"error occurred while invoking the `+name+` endpoint"}` {
				t.Errorf("%s: %d %q", path, got, answer)
			}
		}
	}
}

func TestWithoutAKeyManagerItsPathsAreNotThere(t *testing.T) {
	r := start(t, served("http://127.0.0.1:1"))
	if status, answer, _ := askWithBasic(t, "POST", r.url+"/token", ""); status != 404 {
		t.Errorf("%d %q", status, answer)
	}
}

func TestTheTokenListenerServesTheKeyManagersPathsAlone(t *testing.T) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = probe.Close()
	_, port, _ := net.SplitHostPort(probe.Addr().String())
	r := start(t, served(backendOf(t, func(http.ResponseWriter, *http.Request) {})),
		"keyManager.serverUrl="+tellsWhatItWasAsked(t), "listenerConfig.tokenListenerPort="+port)
	url := "https://127.0.0.1:" + port
	if status, answer, _ := askWithBasic(t, "POST", url+"/token", ""); status != 302 || !strings.HasPrefix(answer, "POST /oauth2/token") {
		t.Errorf("%d %q", status, answer)
	}
	for _, path := range []string{"/pets/many", "/health", "/apikey"} {
		if status, answer, _ := askWithBasic(t, "GET", url+path, ""); status != 404 {
			t.Errorf("%s: %d %q", path, status, answer)
		}
	}
	if !strings.Contains(r.log.String(), "token listener is active on port "+port) {
		t.Error(r.log.String())
	}
}
