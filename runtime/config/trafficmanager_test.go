package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func loadManager(t *testing.T, conf string, overrides ...Override) (*TrafficManager, string) {
	t.Helper()
	c, list := LoadTrafficManager(Source{
		File: "conf/traffic-manager.conf", Data: []byte(conf), Overrides: overrides, Environ: []string{"SECRET=hush"},
	})
	var lines []string
	for _, p := range list {
		lines = append(lines, strings.TrimPrefix(p.String(), "conf/traffic-manager.conf:"))
	}
	return c, strings.Join(lines, "\n")
}

func TestManagerMistakesAreReportedWithTheirPlace(t *testing.T) {
	const users = "[users.u]\npassword = 'x'\n"
	for _, tc := range []struct{ name, conf, want string }{
		{"nothing", "", ""},
		{"unknown key", "[listener]\nhots = 'x'\n", "2:1: listener.hots is not a known key"},
		{"key of a gateway", "[throttlingConfig]\n", "1:2: throttlingConfig is not a known key"},
		{"endpoint of a gateway", "petstore_prod_endpoint_0 = 'https://b'\n", "belong to a gateway"},
		{"port", "[listener]\nport = 99999\n", "2:8: listener.port must be from 0 to 65535"},
		{"format", "[broker]\nmessageFormat = 'xml'\n", `2:17: broker.messageFormat must be "map" or "text"`},
		{"store", "[store]\ntype = 'mysql'\n", `2:8: store.type must be "file" or "redis"`},
		{"Redis without URL", "[store]\ntype = 'redis'\n", `2:8: store.type = "redis" needs store.redis.url`},
		{"user without password", "[users.u]\nadmin = true\n", `the user "u" has no password`},
		{"name with a colon", "[users.'a:b']\npassword = 'x'\n", "has a colon"},
		{"no user off the loopback", "[listener]\nhost = '0.0.0.0'\n", "2:8: admin/admin is for this machine only"},
		{"well-known password off the loopback", "[listener]\nhost = '10.0.0.1'\n[users.admin]\npassword = 'admin'\n", "4:12: admin/admin is for this machine only"},
		{"well-known password by name", "[listener]\nhost = 'tm.example.com'\n[users.admin]\npassword = 'admin'\n", "4:12: admin/admin"},
		{"own user off the loopback", "[listener]\nhost = '0.0.0.0'\n" + users, ""},
		{"well-known password here", "[listener]\nhost = 'localhost'\n[users.admin]\npassword = 'admin'\n", ""},
		{"both a secret and its file", "[users.u]\npassword = 'x'\npasswordFile = '/dev/null'\n", "passwordFile"},
		{"queue of nothing", "[limits]\neventQueueSize = 0\n", "2:18: limits.eventQueueSize must be from 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, got := loadManager(t, tc.conf)
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("%s\nwant %s", got, tc.want)
			}
			if strings.Contains(got, "hush") {
				t.Error("a secret was shown")
			}
		})
	}
}

func TestManagerCertificateNeedsItsKey(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("conf", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("conf", "c.pem"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"certificateFile", "privateKeyFile"} {
		if _, got := loadManager(t, "listener."+key+" = 'c.pem'\n"); !strings.Contains(got, "belong together") {
			t.Errorf("%s alone: %s", key, got)
		}
	}
}

func TestManagerConfigurationIsRead(t *testing.T) {
	c, problems := loadManager(t, `
[listener]
host = "0.0.0.0"
certificateNames = ["tm.example.com", "10.0.0.1"]
shutdownTimeout = "3s"
[users.b]
password = "$env{SECRET}"
[users.a]
password = "x"
admin = true
[store]
folder = "data"
[limits]
memoryBudgetMB = 2
`, Override{"listener.port", "9444"}, Override{"users.c.password", "y"})
	if problems != "" {
		t.Fatal(problems)
	}
	l := c.Listener
	if l.Host != "0.0.0.0" || l.Port != 9444 || len(l.CertificateNames) != 2 || l.ShutdownTimeout != 3*time.Second {
		t.Errorf("%+v", l)
	}
	if len(c.Users) != 3 || c.Users[0].Name != "a" || !c.Users[0].Admin || c.Users[1].Password.Reveal() != "hush" || c.Users[2].Name != "c" {
		t.Errorf("%+v", c.Users)
	}
	if c.Store.Dir != filepath.Join("conf", "data") || c.Limits.MemoryBudget != 2<<20 || c.Broker.Format != "map" || !c.Broker.Enabled {
		t.Errorf("%+v", c)
	}
}

func TestManagerWithoutUsersHasTheWellKnownOne(t *testing.T) {
	c, problems := loadManager(t, "")
	if problems != "" || len(c.Users) != 1 || c.Users[0].Name != "admin" || c.Users[0].Password.Reveal() != "admin" || c.Listener.Host != "127.0.0.1" {
		t.Errorf("%+v %s", c, problems)
	}
}

func FuzzLoadTrafficManager(f *testing.F) {
	f.Add([]byte("[users.u]\npassword = 'x'\n[store]\ntype = 'redis'\n"))
	f.Add([]byte("a_prod_endpoint_1 = 'x'\nlistener.host = 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, list := LoadTrafficManager(Source{File: "f", Data: data})
		if list.Errors() == 0 && (len(c.Users) == 0 || c.Listener.Host != "127.0.0.1" && c.Users[0].Password.Reveal() == "") {
			t.Fatalf("%+v passed", c)
		}
	})
}
