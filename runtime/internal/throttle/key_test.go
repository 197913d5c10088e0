package throttle

import (
	"net/netip"
	"testing"

	"mgw/runtime/spec"
)

func TestKeysAreTheContracts(t *testing.T) {
	for _, tc := range []struct {
		context, version, path, method string
		api, resource, subscription    string
	}{
		{"/pizzashack/1.0.0", "1.0.0", "/menu", "GET",
			"/pizzashack/1.0.0:1.0.0", "/pizzashack/1.0.0/1.0.0/menu:GET", "2:/pizzashack/1.0.0:1.0.0"},
		{"/petstore/v1", "1.0.5", "/pet/{petId}", "GET",
			"/petstore/v1/1.0.5:1.0.5", "/petstore/v1/1.0.5/pet/{petId}:GET", "2:/petstore/v1:1.0.5"},
	} {
		api := &spec.API{Context: tc.context, Version: tc.version}
		op := &spec.Operation{KeyPath: tc.path, Method: tc.method}
		if got := apiKey(api); got != tc.api {
			t.Errorf("API key %s", got)
		}
		if got := resourceKey(api, op); got != tc.resource {
			t.Errorf("resource key %s", got)
		}
		if got := subscriptionKey("2", api); got != tc.subscription {
			t.Errorf("subscription key %s", got)
		}
	}
}

func TestAddressesCountByPrefix(t *testing.T) {
	for _, tc := range []struct {
		prefix        int
		address, want string
	}{
		{64, "10.0.0.1", "10.0.0.1"},
		{64, "::ffff:10.0.0.1", "10.0.0.1"},
		{64, "2001:db8:1:2:3::4", "2001:db8:1:2::/64"},
		{48, "2001:db8:1:2:3::4", "2001:db8:1::/48"},
		{128, "2001:db8::4", "2001:db8::4"},
		{64, "fe80::1%eth0", "fe80::/64"},
	} {
		th := &Throttle{options: Options{IPv6Prefix: tc.prefix}}
		if got := string(th.appendAddress(nil, netip.MustParseAddr(tc.address))); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.address, got, tc.want)
		}
	}
	th := &Throttle{options: Options{IPv6Prefix: 64}}
	_ = th.appendAddress(nil, netip.Addr{}) // must not panic
}

func TestTenantOfTheAPI(t *testing.T) {
	for context, want := range map[string]string{
		"/t/acme.com/shop/1": "acme.com", "/t/acme.com/shop": "acme.com", "/t/acme": "carbon.super",
		"/shop/v1/2": "carbon.super", "/": "carbon.super",
	} {
		if got := apiTenant(&spec.API{Context: context}); got != want {
			t.Errorf("%s: %s", context, got)
		}
	}
}
