package jms

import (
	"bufio"
	"cmp"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

// vector is one line of testdata/provider-urls.jsonl: what the Andes client's
// own parser answered.
type vector struct {
	URL             string
	OK              bool
	User, Password  string
	ClientID        *string
	VHost           string
	Options         map[string]string
	FailoverMethod  *string
	FailoverOptions map[string]string
	Brokers         []Broker
}

func vectors(t testing.TB) (all []vector) {
	t.Helper()
	file, err := os.Open("testdata/provider-urls.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// aliasItself is what the recorded parser used for secrets.
func aliasItself(alias string) (string, error) { return alias, nil }

func TestProviderURLsAreReadAsTheOriginalDoes(t *testing.T) {
	for _, v := range vectors(t) {
		got, err := ParseProviderURL(v.URL, aliasItself)
		if !v.OK {
			if err == nil {
				t.Errorf("%s: accepted as %+v", v.URL, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", v.URL, err)
			continue
		}
		want := &ProviderURL{
			User: v.User, Password: v.Password, ClientID: *cmp.Or(v.ClientID, new(string)), VHost: v.VHost,
			Options: v.Options, Failover: *cmp.Or(v.FailoverMethod, new(string)), FailoverOptions: v.FailoverOptions,
		}
		if len(v.Brokers) > 0 {
			want.Brokers = v.Brokers
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", v.URL, got, want)
		}
	}
}

func TestErrorsOfProviderURLsHideThePassword(t *testing.T) {
	for _, raw := range []string{
		"amqp://admin:hunter2@clientid?brokerlist='tcp://localhost:5672'",
		"amqp://admin:hunter2%zz@clientid/carbon",
		"amqp://admin:hunter2@clientid/carbon?brokerlist='ssl://localhost'",
		"amqp://admin:hunter2 @clientid/carbon",
		"http://admin:hunter2@clientid/carbon",
		"amqp://admin:hunter2@clientid/carbon?brokerlist='tcp://h?trust_store_password='hunter2",
	} {
		_, err := ParseProviderURL(raw, nil)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func FuzzParseProviderURL(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.URL)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := ParseProviderURL(raw, aliasItself)
		if err == nil && !strings.HasPrefix(u.VHost, "/") {
			t.Errorf("%q: virtual host %q", raw, u.VHost)
		}
	})
}
