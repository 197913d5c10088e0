package config

import "testing"

const elsewhere = `[listenerConfig]
httpPort = "$env{PORT}"
certificateFile = "${mgw-runtime.home}/cert.pem"
privateKeyFile = "${mgw-runtime.home}/key.pem"
[adminConfig]
enabled = true
tokenFile = "gone/admin.token"
[b7a.users.admin]
password = "$env{ADMIN_PASSWORD}"
[keyManager]
serverUrl = "https://$env{KEY_MANAGER}:9443"
[[jwtTokenConfig]]
issuer = "$env{ISSUER}"
jwksURL = "$env{ISSUER}/jwks"
`

func TestTextOnlyAsksNothingOfThisMachine(t *testing.T) {
	src := Source{File: "conf/micro-gw.conf", Data: []byte(elsewhere)}
	if _, list := Load(src); list.Errors() == 0 {
		t.Error("a gateway would start without its secrets")
	}
	src.TextOnly = true
	if _, list := Load(src); list.Errors() > 0 {
		t.Errorf("the text alone is right: %v", list)
	}
}

func TestTextOnlyStillSeesMistakesOfTheText(t *testing.T) {
	for _, text := range []string{"[listenerConfig]\nhttpPrt = 1\n", "[listenerConfig]\nhost = \"$env{\"\n", "[b7a.users.admin]\nscopes = \"a\"\n", "x"} {
		if _, list := Load(Source{File: "c", Data: []byte(text), TextOnly: true}); list.Errors() == 0 {
			t.Errorf("%q was taken", text)
		}
	}
}
