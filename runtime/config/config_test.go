package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mgw/runtime/diag"
)

func load(t *testing.T, conf string, src Source) (*Config, diag.List) {
	t.Helper()
	src.File, src.Data = "conf/micro-gw.conf", []byte(conf)
	return Load(src)
}

func TestMistakesAreReportedWithTheirPlace(t *testing.T) {
	t.Chdir(t.TempDir())
	touch(t, "conf/a.pem", "conf/k", "conf/k.p12", "conf/c.pem")
	for _, tc := range []struct{ name, conf, want string }{
		{"unknown key", "[listenerConfig]\nhttpport = 1\n", "2:1: listenerConfig.httpport is not a known key | did you mean \"httpPort\"?"},
		{"unknown table", "\n[listnerConfig]\nhttpPort = 1\n", "2:2: listnerConfig is not a known key | did you mean \"listenerConfig\"?"},
		{"key of another table", "[authConfig]\n  jwksURL = 'x'\n  httpPort = 9\n", "2:3: authConfig.jwksURL is not a known key\n3:3: authConfig.httpPort is not a known key | did you mean \"listenerConfig.httpPort\"?"},
		{"unknown in inline table", "listenerConfig = { host = \"h\", hots = 1 }\n", "1:32: listenerConfig.hots is not a known key | did you mean \"host\"?"},
		{"unknown in dotted key", "b7a.log.levle = 'INFO'\n", "1:1: b7a.log.levle is not a known key | did you mean \"level\"?"},
		{"unknown in list", "[[jwtTokenConfig]]\nissuer='a'\njwksURL='https://k'\n[[jwtTokenConfig]]\nissuer='b'\njwksURL='https://k'\nisuer = 'x'\n", "7:1: jwtTokenConfig[1].isuer is not a known key | did you mean \"issuer\"?"},
		{"quoted key", "[\"listenerConfig\"]\n\"http port\" = 1\n", "2:1: listenerConfig.\"http port\" is not a known key | did you mean \"httpPort\"?"},
		{"port as text", "[listenerConfig]\nhttpPort = \"9090\"\n", "2:12: listenerConfig.httpPort must be a whole number, not \"9090\""},
		{"port out of range", "[listenerConfig]\nhttpPort = 70000\n", "2:12: listenerConfig.httpPort must be from 0 to 65535, not 70000"},
		{"negative size", "[listenerConfig]\nmaxUriLength = 0\n", "2:16: listenerConfig.maxUriLength must be from 1 to 1048576, not 0"},
		{"flag as text", "[http2]\nenable = \"true\"\n", "2:10: http2.enable must be true or false, not \"true\""},
		{"table for a value", "[listenerConfig.httpPort]\nx=1\n", "1:2: listenerConfig.httpPort must be a whole number, not a table"},
		{"value for a table", "listenerConfig = 3\n", "1:18: listenerConfig must be a table, not 3"},
		{"value for a list", "jwtTokenConfig = 3\n", "1:18: jwtTokenConfig must be a list of tables: write [[jwtTokenConfig]]"},
		{"bad word", "[b7a.log]\nlevel = 'LOUD'\n", "2:9: b7a.log.level must be \"INFO\", \"TRACE\", \"DEBUG\", \"WARN\", \"ERROR\" or \"OFF\", not \"LOUD\""},
		{"bare duration", "[listenerConfig.timeouts]\nheader = 10\n", "2:10: listenerConfig.timeouts.header must be a duration such as \"10s\", not 10"},
		{"negative duration", "[listenerConfig.timeouts]\nheader = '-1s'\n", "2:10: listenerConfig.timeouts.header must be 1ms or more, not \"-1s\""},
		{"bad CIDR", "[listenerConfig]\ntrustedProxies = ['10.0.0.0/8', '10.0.0.0/40']\n", "2:18: listenerConfig.trustedProxies \"10.0.0.0/40\" is neither an address nor a CIDR such as 10.0.0.0/8"},
		{"two bad CIDRs", "[listenerConfig]\ntrustedProxies = ['here', '10.0.0.0/8', 'there']\n",
			"2:18: listenerConfig.trustedProxies \"here\" is neither an address nor a CIDR such as 10.0.0.0/8; \"there\" is neither an address nor a CIDR such as 10.0.0.0/8"},
		{"CIDR with host bits", "[listenerConfig]\ntrustedProxies = ['10.1.2.3/8']\n", "2:18: listenerConfig.trustedProxies \"10.1.2.3/8\" has bits set after its prefix: write \"10.0.0.0/8\""},
		{"list of numbers", "[listenerConfig]\ntrustedProxies = [1]\n", "2:18: listenerConfig.trustedProxies must be a list of texts in quotes"},
		{"binary on", "[throttlingConfig.binary]\nenabled = true\n", "2:11: throttlingConfig.binary.enabled cannot be true: the binary protocol is not supported, events travel over HTTP to throttlingConfig.throttleEndpointUrl"},
		{"supported and later", "[caching]\nenabled = false\n", "2:11: warning: caching.enabled is not supported yet and has no effect"},
		{"later with its default", "[caching]\nenabled = true\n", ""},
		{"unused", "[analytics]\nstreamVersion = '4'\n", "2:17: warning: analytics.streamVersion has no effect in this gateway"},
		{"secret as number", "[adminConfig]\ntoken = 12345\n", "2:9: adminConfig.token must be text in quotes"},
		{"unset variable", "[adminConfig]\ntoken = '$env{NOPE}'\n", "2:9: adminConfig.token needs the environment variable NOPE, which is not set"},
		{"unset variable in a list", "[listenerConfig]\ntrustedProxies = ['10.0.0.1', '$env{NOPE}']\n", "2:18: listenerConfig.trustedProxies needs the environment variable NOPE, which is not set"},
		{"secret list as number", "[throttlingConfig.redis]\nurl = 12345\n", "2:7: throttlingConfig.redis.url must be a list of texts in quotes, not this"},
		{"unclosed variable", "[adminConfig]\ntoken = '$env{NOPE'\n", "2:9: adminConfig.token has $env{ without }"},
		{"home unknown", "[listenerConfig]\nkeyStorePath = '${mgw-runtime.home}/x.p12'\n", "2:16: listenerConfig.keyStorePath needs ${mgw-runtime.home}, which is not known: set MGW_RUNTIME_HOME"},
		{"missing secret file", "[adminConfig]\ntokenFile = '/nonexistent/t'\n", "2:13: adminConfig.tokenFile cannot be read: stat /nonexistent/t: no such file or directory"},
		{"certificate without key", "[listenerConfig]\ncertificateFile = 'a.pem'\n", "2:19: listenerConfig.certificateFile needs listenerConfig.privateKeyFile beside it"},
		{"key without certificate", "[listenerConfig]\nprivateKeyFile = 'a.pem'\n", "2:18: listenerConfig.privateKeyFile needs listenerConfig.certificateFile beside it"},
		{"two certificates", "[listenerConfig]\ncertificateFile = 'a.pem'\nprivateKeyFile = 'k'\nkeyStorePath = 'k.p12'\n", "2:19: listenerConfig.certificateFile and listenerConfig.keyStorePath exclude each other"},
		{"leases without Redis", "[throttlingConfig]\nclusterMode = 'lease'\n", "2:15: throttlingConfig.clusterMode = \"lease\" needs throttlingConfig.redis.url"},
		{"Redis by sentinels and as a cluster", "[throttlingConfig.redis]\nurl = 'redis://s'\nsentinelMaster = 'm'\ncluster = true\n", "4:11: throttlingConfig.redis.sentinelMaster and cluster cannot both be set: sentinels watch one master, a cluster needs none"},
		{"database of a Redis Cluster", "[throttlingConfig.redis]\nurl = ['redis://a', 'redis://b']\ndatabase = 2\n", "3:12: throttlingConfig.redis.database: a Redis Cluster has no database but 0"},
		{"same ports", "[listenerConfig]\nhttpPort = 9095\n", "listenerConfig.httpPort and listenerConfig.httpsPort are both 9095"},
		{"issuer without key", "[[jwtTokenConfig]]\nissuer = 'https://i'\n", "1:3: the issuer \"https://i\" has no key to verify tokens with: give jwksURL or certificateFile"},
		{"old issuer form without key", "[jwtTokenConfig]\nissuer = 'https://i'\n", "1:2: the issuer \"https://i\" has no key to verify tokens with: give jwksURL or certificateFile"},
		{"issuer with two keys", "[[jwtTokenConfig]]\njwksURL = 'https://i'\ncertificateFile = 'c.pem'\n", "2:11: the issuer \"https://localhost:9443/oauth2/token\" has both jwksURL and a certificate: give one"},
		{"keys over http", "[[jwtTokenConfig]]\njwksURL = 'http://keys.example/jwks'\n", "2:11: warning: jwtTokenConfig[0].jwksURL fetches keys without TLS: whoever sits between can forge tokens"},
		{"password in URL", "[[jwtTokenConfig]]\njwksURL = 'https://u:hunter2@i/'\n", "1:3: the issuer \"https://localhost:9443/oauth2/token\" has no key to verify tokens with: give jwksURL or certificateFile\n2:11: jwtTokenConfig[0].jwksURL must not hold user and password; they have keys of their own"},
		{"admin without token", "[adminConfig]\nenabled = true\n", "2:11: adminConfig.enabled needs adminConfig.token or adminConfig.tokenFile"},
		{"admin not on loopback", "[adminConfig]\nenabled = true\ntoken='abc'\nhost = '0.0.0.0'\n", "4:8: warning: adminConfig.host is not a loopback address: the token travels unencrypted"},
		{"admin port taken", "[adminConfig]\nenabled = true\ntoken='abc'\nport = 9090\n", "4:8: adminConfig.port is 9090, which a listener has already"},
		{"user without password", "[b7a.users.bob]\nscopes='a'\n", "1:2: the user \"bob\" has no password"},
		{"well-known password", "[b7a.users.admin]\npassword='d033e22ae348aeb5660fc2140aec35850c4da997'\n", "2:10: warning: the user \"admin\" has the password that everybody knows"},
		{"well-known password on loopback", "listenerConfig.host='127.0.0.1'\n[b7a.users.admin]\npassword='d033e22ae348aeb5660fc2140aec35850c4da997'\n", ""},
		{"default password for a key manager", "[keyManager]\nserverUrl = 'https://km:9443'\n", "2:13: keymanager.security.basic.password must be set: the default password is for a key manager on this machine only"},
		{"files that are not there", "[listenerConfig]\nkeyStorePath = 'gone.p12'\n[[jwtTokenConfig]]\ncertificateFile = 'gone.pem'\n[httpClients]\ntrustStorePath = 'gone.jks'\n",
			"2:16: listenerConfig.keyStorePath cannot be read: stat conf/gone.p12: no such file or directory\n" +
				"4:19: jwtTokenConfig[0].certificateFile cannot be read: stat conf/gone.pem: no such file or directory\n" +
				"6:18: httpClients.trustStorePath cannot be read: stat conf/gone.jks: no such file or directory"},
		{"proxy without host", "[httpClients.proxy]\nenable = true\n", "2:10: httpClients.proxy.enable needs httpClients.proxy.host and httpClients.proxy.port"},
		{"overridden framing", "[[server.headerConf]]\nheaderName = 'Content-Length'\n", "2:14: server.headerConf[0].headerName: Content-Length cannot be overridden"},
		{"overridden header that is none", "[[server.headerConf]]\nheaderName = 'X Y'\n", "2:14: server.headerConf[0].headerName: \"X Y\" is not the name of a header"},
		{"overridden header without a name", "[[server.headerConf]]\noverrideValue = 'a'\n", "1:3: server.headerConf[0] has no headerName"},
		{"overridden header twice", "[[server.headerConf]]\nheaderName = 'X'\n[[server.headerConf]]\nheaderName = 'x'\n", "4:14: server.headerConf[1].headerName: x is there twice"},
		{"header value of two lines", "[[server.headerConf]]\nheaderName = 'X'\noverrideValue = \"a\\r\\nb\"\n", "3:17: server.headerConf[0].overrideValue holds a control character"},
		{"Server of two lines", "[server]\nheader = \"a\\nb\"\n", "2:10: server.header holds a control character"},
		{"pipelining", "[listenerConfig]\nmaxPipelinedRequests = 5\n", "2:24: warning: listenerConfig.maxPipelinedRequests has no effect in this gateway"},
		{"host names unchecked", "[httpClients]\nverifyHostname = false\n", "2:18: httpClients.verifyHostname cannot be false: for backends, use httpClients.sslConfig.verifyHostname"},
		{"names of backends unchecked", "[httpClients.sslConfig]\nverifyHostname = false\n", "2:18: warning: httpClients.sslConfig.verifyHostname = false: any certificate of a trusted issuer passes for any backend"},
		{"default password far away", "[throttlingConfig]\nenabledGlobalTMEventPublishing = true\nthrottleEndpointUrl = 'https://tm:9443/endpoints'\n",
			"3:23: throttlingConfig.throttleEndpointbase64Header must be set: the default password is for a manager on this machine only"},
		{"not TOML", "[listenerConfig]\nhttpPort = 12ab\n", "2:14: not valid TOML: expected a top-level item to end with a newline, comment, or EOF, but got 'a' instead"},
		{"not TOML, secret line", "[adminConfig]\ntoken = hunter2\n", "2:9: the file is not valid TOML"},
		{"twice", "[http2]\nenable = true\nenable = false\n", "3:1: not valid TOML: key 'http2.enable' has already been defined."},
		{"long key", strings.Repeat("k", 9999) + " = 1\n", "1:1: " + strings.Repeat("k", 120) + "... is not a known key"},
		{"not text", "\xff", "the file is not UTF-8 text"},
		{"too large", strings.Repeat("#", maxFile+1), "the file is larger than 1048576 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, list := load(t, tc.conf, Source{})
			var got []string
			for _, p := range list {
				s := strings.TrimPrefix(strings.TrimPrefix(p.String(), "conf/micro-gw.conf:"), " ")
				if p.Hint != "" {
					s += " | " + p.Hint
				}
				got = append(got, s)
			}
			if g := strings.Join(got, "\n"); g != tc.want {
				t.Errorf("got\n%s\nwant\n%s", g, tc.want)
			}
			for _, p := range list {
				if strings.Contains(p.Msg, "hunter2") {
					t.Errorf("shows a secret: %s", p)
				}
			}
		})
	}
}

func TestCommandLineBeatsEnvironmentBeatsFile(t *testing.T) {
	src := Source{
		Overrides: []Override{{"listenerConfig.httpPort", "1"}, {"throttlingConfig.enabledGlobalTMEventPublishing", "true"}},
		Environ:   []string{"listenerConfig_httpPort=2", "listenerConfig_httpsPort=2", "b7a_log_level=debug", "PATH=/bin", "listenerconfig_host=x"},
	}
	c, list := load(t, "[listenerConfig]\nhttpPort=3\nhttpsPort=3\ntokenListenerPort=3\n", src)
	if list.Errors() > 0 {
		t.Fatal(list.Err())
	}
	l := c.Listener
	if l.HTTPPort != 1 || l.HTTPSPort != 2 || l.TokenPort != 3 || l.Host != "0.0.0.0" || c.Log.Level != "DEBUG" || !c.Throttling.Manager.Enabled {
		t.Errorf("got %+v, log %v", l, c.Log)
	}
}

func TestMistakesInOverrides(t *testing.T) {
	src := Source{
		Overrides: []Override{
			{"listenerConfig.httpPort", "high"}, {"listenerConfig.htpPort", "1"}, {"listenerConfig", "1"},
			{"jwtTokenConfig.issuer", "x"}, {"pets_prod_endpoint_0", "ftp://x"}, {"a b", "c"},
		},
		Environ: []string{"http2_enable=maybe"},
	}
	_, list := Load(src)
	want := `command line: a b is not a known key
command line: jwtTokenConfig is a list of tables and can only be set in the file
command line: listenerConfig is a table: name one of its keys
command line: listenerConfig.htpPort is not a known key
command line: listenerConfig.httpPort must be a whole number, not "high"
command line: pets_prod_endpoint_0 must be an http or https URL with a host
environment http2_enable: http2.enable must be true or false, not "maybe"`
	if got := list.Err().Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestParseOverride(t *testing.T) {
	for arg, want := range map[string]Override{
		"a.b=c":                 {"a.b", "c"},
		"--b7a.log.level=DEBUG": {"b7a.log.level", "DEBUG"},
		"a==":                   {"a", "="},
		"a=":                    {"a", ""},
	} {
		if got, err := ParseOverride(arg); err != nil || got != want {
			t.Errorf("ParseOverride(%q) = %v, %v", arg, got, err)
		}
	}
	for _, arg := range []string{"", "a", "=b", "--"} {
		if _, err := ParseOverride(arg); err == nil {
			t.Errorf("ParseOverride(%q) gave no error", arg)
		}
	}
}

func TestEndpointsCanBeOverridden(t *testing.T) {
	c, list := load(t, "'pets api-1.0_prod_endpoint_0' = 'http://file'\n", Source{
		Overrides: []Override{{"pets_prod_endpoint_1", "http://b:81"}, {"pets_sand_basic_username", "u"}},
		Environ:   []string{"pets_prod_endpoint_1=http://a", "pets_prod_endpoint_0=http://a/x", "pets_sand_basic_password=hunter2"},
	})
	if len(list) > 0 {
		t.Fatal(list)
	}
	got, _ := json.Marshal(c.Endpoints)
	want := `[{"Name":"pets","Sandbox":false,"URLs":{"0":"http://a/x","1":"http://b:81"},"EtcdKeys":{},"Account":{"Username":"","Password":""}},` +
		`{"Name":"pets","Sandbox":true,"URLs":{},"EtcdKeys":{},"Account":{"Username":"u","Password":"[redacted]"}},` +
		`{"Name":"pets api-1.0","Sandbox":false,"URLs":{"0":"http://file"},"EtcdKeys":{},"Account":{"Username":"","Password":""}}]`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if c.Endpoints[1].Account.Password.Reveal() != "hunter2" {
		t.Error("lost the password")
	}
}

// touch makes empty files.
func touch(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSecretsComeFromEnvironmentAndFiles(t *testing.T) {
	dir := t.TempDir()
	touch(t, filepath.Join(dir, "k.p12"))
	if err := os.WriteFile(filepath.Join(dir, "admin.token"), []byte("from-file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	conf := "[adminConfig]\nenabled=true\ntokenFile='admin.token'\n[listenerConfig]\nkeyStorePath='${mgw-runtime.home}/k.p12'\nkeyStorePassword='pre-$env{KS}-post'\nhttpPort='$env{PORT}'\ncertificateFile=''\n"
	c, list := Load(Source{File: filepath.Join(dir, "micro-gw.conf"), Data: []byte(conf), Environ: []string{"KS=$env{KS}", "PORT=81"}, Home: dir})
	if len(list) > 0 {
		t.Fatal(list)
	}
	if c.Admin.Token.Reveal() != "from-file" || c.Listener.KeyStore.Password.Reveal() != "pre-$env{KS}-post" || c.Listener.KeyStore.Path != filepath.Join(dir, "k.p12") || c.Listener.HTTPPort != 81 {
		t.Errorf("got %q %q %+v", c.Admin.Token.Reveal(), c.Listener.KeyStore.Password.Reveal(), c.Listener)
	}
	_, list = Load(Source{File: filepath.Join(dir, "micro-gw.conf"), Data: []byte("[adminConfig]\ntoken='x'\ntokenFile='admin.token'\n")})
	if list.Errors() != 1 || list[0].Msg != "adminConfig.token and adminConfig.tokenFile exclude each other" {
		t.Errorf("got %v", list)
	}
	c, list = Load(Source{File: filepath.Join(dir, "micro-gw.conf"), Data: []byte("[adminConfig]\ntokenFile='admin.token'\n"), Environ: []string{"adminConfig_token=env"}})
	if len(list) > 0 || c.Admin.Token.Reveal() != "env" {
		t.Errorf("got %v %q", list, c.Admin.Token.Reveal())
	}
}

func TestNoWayOfPrintingShowsASecret(t *testing.T) {
	c, _ := load(t, "[adminConfig]\ntoken='hunter2'\n", Source{})
	j, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{string(j), fmt.Sprintf("%v %+v %#v %s %q %x %d", c.Admin, c.Admin, c.Admin, c.Admin.Token, c.Admin.Token, c.Admin.Token, c.Admin.Token), c.Admin.Token.LogValue().String()} {
		if strings.Contains(s, "hunter2") || strings.Contains(s, "68756e74") {
			t.Errorf("shown in %s", s)
		}
	}
}

func TestExcerptNeverShowsASecret(t *testing.T) {
	for _, conf := range []string{
		"[adminConfig]\ntoken = 'hunter2' x\n",
		"[adminConfig]\ntoken = \"hunter2\n",
		"adminConfig = { port = 'x', token = 'hunter2' }\n",
		"[throttlingConfig]\njmsConnectionProviderUrl = 5 # was amqp://admin:hunter2@x\n",
		"[adminConfig]\ntoken = '''\nhunter2\n",
		"[adminConfig]\ntokn = 'hunter2'\n",
	} {
		_, list := load(t, conf, Source{})
		var out strings.Builder
		if err := diag.Write(&out, list, func(string) ([]byte, error) { return []byte(conf), nil }); err != nil {
			t.Fatal(err)
		}
		if list.Errors() == 0 || strings.Contains(out.String(), "hunter2") {
			t.Errorf("%q gave\n%s", conf, out.String())
		}
	}
}

func TestIssuersInherit(t *testing.T) {
	c, list := load(t, "[security]\nvalidateSubscriptions=true\n[[jwtTokenConfig]]\njwksURL='https://a'\n[[jwtTokenConfig.claims]]\nremoteClaim='r'\nlocalClaim='l'\n[[jwtTokenConfig]]\nissuer='b'\njwksURL='https://b'\nvalidateSubscription=false\n[server]\ntimestampSkew=7000\n", Source{})
	if list.Errors() > 0 || len(c.Issuers) != 2 {
		t.Fatal(list, c.Issuers)
	}
	if a, b := c.Issuers[0], c.Issuers[1]; !a.ValidateSubscription || b.ValidateSubscription || len(a.Claims) != 1 || a.Claims[0].Local != "l" || c.Auth.TimestampSkew != 7*time.Second {
		t.Errorf("got %+v %+v, skew %v", a, b, c.Auth.TimestampSkew)
	}
}

func TestManyMistakesAreReportedQuickly(t *testing.T) {
	var conf strings.Builder
	for i := range 50000 {
		fmt.Fprintf(&conf, "unknown%d = 1\n", i)
	}
	start := time.Now()
	_, list := load(t, conf.String(), Source{})
	if took := time.Since(start); len(list) != 50000 || took > 30*time.Second {
		t.Errorf("%d problems in %v", len(list), took)
	}
}

func TestUsersComeFromEverywhere(t *testing.T) {
	c, list := load(t, "[b7a.users.\"a.b\"]\npassword='1'\nscopes='x, y'\n[b7a.users.c]\npassword='2'\n", Source{
		Overrides: []Override{{`b7a.users."a.b".scopes`, "z"}, {"b7a.users.e.password", "5"}},
		Environ:   []string{"b7a_users_c_password=3", "b7a_users_d_e_password=4", "b7a_users_c_unknown=5", "b7a_users_password=6"},
	})
	if len(list) > 0 {
		t.Fatal(list)
	}
	got := ""
	for _, u := range c.Users {
		got += fmt.Sprintf("%s=%s%v ", u.Name, u.Password.Reveal(), u.Scopes)
	}
	if want := "a.b=1[z] c=3[] d_e=4[] e=5[] "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRelativePathsStartAtTheFile(t *testing.T) {
	c, _ := Load(Source{
		File: "/p/conf/micro-gw.conf", Data: []byte("listenerConfig = {certificateFile = 'tls/a.pem', privateKeyFile = '/k.pem'}\n"),
		Overrides: []Override{{"b7a.http.accesslog.path", "../access.log"}},
	})
	if l := c.Listener; l.CertificateFile != "/p/conf/tls/a.pem" || l.PrivateKeyFile != "/k.pem" || c.AccessLog.Path != "/p/access.log" {
		t.Errorf("got %q %q %q", l.CertificateFile, l.PrivateKeyFile, c.AccessLog.Path)
	}
	c, _ = Load(Source{Overrides: []Override{{"b7a.http.accesslog.path", "access.log"}}})
	if c.AccessLog.Path != "access.log" {
		t.Errorf("without a file: %q", c.AccessLog.Path)
	}
}
