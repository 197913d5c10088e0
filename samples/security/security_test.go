// Package security_test follows the README of the security sample, and then
// tries what must and what must not work with each kind of credential.
package security_test

import (
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"mgw/samples/internal/harness"
)

// sample runs for all tests.
var sample *harness.Sample

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(harness.Followed(func(s *harness.Sample) int {
		sample = s
		if code := m.Run(); code != 0 {
			return code
		}
		return secretsStayOut()
	}))
}

// shown are the credentials that the tests have used.
var shown sync.Map

// secretsStayOut looks for every credential in what the gateway has logged.
func secretsStayOut() (code int) {
	log, count := sample.Gateway.Output(), 0
	if !strings.Contains(log, "/tokens/me") {
		fmt.Fprintln(os.Stderr, "nothing was logged that could be looked through")
		return 1
	}
	known := []string{"wonderland", "builder", "gateway-secret", "changeit", "BEGIN PRIVATE KEY"}
	shown.Range(func(credential, _ any) bool {
		known = append(known, credential.(string))
		return true
	})
	for _, credential := range known {
		count++
		if strings.Contains(log, credential) {
			fmt.Fprintf(os.Stderr, "the gateway has logged a credential: %.12s...\n", credential)
			code = 1
		}
	}
	if count < 20 {
		fmt.Fprintf(os.Stderr, "only %d credentials were looked for\n", count)
		code = 1
	}
	return code
}

// send sends a request; its URL is a path of the gateway's HTTP listener, or of
// the HTTPS one where a client certificate is shown.
func send(t *testing.T, r harness.Request) harness.Answer {
	t.Helper()
	for _, credential := range append([]string{r.Token}, fieldValues(r)...) {
		if len(credential) > 8 {
			shown.Store(credential, true)
		}
	}
	switch {
	case !strings.HasPrefix(r.URL, "/"):
	case r.Client != nil:
		r.URL = sample.Gateway.HTTPS + r.URL
	default:
		r.URL = sample.Gateway.HTTP + r.URL
	}
	a, err := r.Send(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// fieldValues gives the credentials that stand in fields of a request.
func fieldValues(r harness.Request) (all []string) {
	for _, value := range r.Fields {
		_, rest, _ := strings.Cut(value, " ")
		all = append(all, value, rest)
	}
	return all
}

// attempt is a request and what it must be answered.
type attempt struct {
	name    string
	request harness.Request
	status  int
	code    int
}

func (c attempt) run(t *testing.T) {
	t.Helper()
	a := send(t, c.request)
	if a.Status != c.status || a.Code != c.code {
		t.Errorf("%s: %v, want %d and code %d", c.name, a, c.status, c.code)
	}
	if (a.Fields.Get("WWW-Authenticate") != "") != (a.Status == 401) {
		t.Errorf("%s: WWW-Authenticate %q with status %d", c.name, a.Fields.Get("WWW-Authenticate"), a.Status)
	}
	if a.Status == 401 || a.Status == 403 {
		if !strings.HasPrefix(a.Body, fmt.Sprintf(`{"fault":{"code":%d, "message":"`, c.code)) || a.Fields.Get("Content-Type") != "application/json" {
			t.Errorf("%s: body %s", c.name, a.Body)
		}
	}
}

func basic(name, password string) map[string]string {
	return map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))}
}
