package listen

import (
	"net/netip"
	"testing"

	"mgw/runtime/internal/exchange"
)

func TestTheClientIsThePeerUnlessATrustedProxySaysOtherwise(t *testing.T) {
	proxies, err := ParseProxies([]string{"10.0.0.0/8", "192.0.2.1", "2001:db8::/32"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"203.0.113.9", nil, "203.0.113.9"},
		{"203.0.113.9", []string{"6.6.6.6"}, "203.0.113.9"},
		{"10.0.0.1", nil, "10.0.0.1"},
		{"10.0.0.1", []string{"6.6.6.6"}, "6.6.6.6"},
		{"10.0.0.1", []string{"6.6.6.6, 203.0.113.9"}, "203.0.113.9"},
		{"10.0.0.1", []string{"6.6.6.6, 203.0.113.9, 10.2.3.4,192.0.2.1"}, "203.0.113.9"},
		{"10.0.0.1", []string{"6.6.6.6", "203.0.113.9", "10.2.3.4"}, "203.0.113.9"},
		{"10.0.0.1", []string{"10.0.0.7"}, "10.0.0.7"},
		{"10.0.0.1", []string{"6.6.6.6, nonsense"}, "10.0.0.1"},
		{"10.0.0.1", []string{"6.6.6.6, nonsense, 10.0.0.2"}, "10.0.0.2"},
		{"10.0.0.1", []string{"6.6.6.6,"}, "10.0.0.1"},
		{"10.0.0.1", []string{"203.0.113.9:8080"}, "203.0.113.9"},
		{"2001:db8::1", []string{"[2001:4860::1]:8080"}, "2001:4860::1"},
		{"2001:db8::1", []string{"[2001:4860::1]"}, "2001:4860::1"},
		{"2001:db8::1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
	} {
		var m exchange.Message
		m.Add("X-Other", "7.7.7.7")
		for _, value := range tc.forwarded {
			m.Add("X-Forwarded-For", value)
		}
		if got := proxies.Client(netip.MustParseAddr(tc.peer), &m); got != netip.MustParseAddr(tc.want) {
			t.Errorf("%s %q: %v, want %s", tc.peer, tc.forwarded, got, tc.want)
		}
	}
	for _, wrong := range []string{"", "10.0.0.0/33", "proxy", "10.0.0"} {
		if _, err := ParseProxies([]string{wrong}); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
}

func FuzzForwardedFor(f *testing.F) {
	f.Add("6.6.6.6, 203.0.113.9:1, [::1]:2, 10.0.0.1")
	proxies, _ := ParseProxies([]string{"10.0.0.0/8"})
	peer := netip.MustParseAddr("10.0.0.1")
	f.Fuzz(func(t *testing.T, value string) {
		var m exchange.Message
		m.Add("X-Forwarded-For", value)
		if got := proxies.Client(peer, &m); !got.IsValid() || got.Zone() != "" {
			t.Errorf("%q: %v", value, got)
		}
	})
}
