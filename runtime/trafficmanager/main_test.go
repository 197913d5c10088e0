package trafficmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgw/runtime/config"
)

func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	policies := write("policies.yaml", testPolicies)
	broken := write("broken.yaml", "applicationPolicies:\n  - T: {count: x}\n")
	open := write("open.conf", "listener.host = '0.0.0.0'\n")
	url := write("url.conf", "broker.providerUrl = 'amqp://admin:hush@carbon/carbon?brokerlist=x'\n")
	for _, tc := range []struct {
		name        string
		args        []string
		code        int
		out, errors string
	}{
		{"help", []string{"--help"}, 0, "Usage: trafficmanager", ""},
		{"version", []string{"--version"}, 0, "trafficmanager ", ""},
		{"sample", []string{"--print-config"}, 0, "[broker]", ""},
		{"unknown flag", []string{"--confg", "x"}, 2, "", "unknown argument --confg"},
		{"flag without value", []string{"--config"}, 2, "", "--config needs a value"},
		{"override without value", []string{"--set", "x"}, 2, "", "KEY=VALUE"},
		{"check", []string{"--check-config", "--policies", policies}, 0, "The configuration is valid.", ""},
		{"no policies", []string{"--check-config", "--policies", filepath.Join(dir, "none")}, 1, "", "--policies"},
		{"no configuration", []string{"--check-config", "--config", filepath.Join(dir, "none"), "--policies", policies}, 1, "", "cannot be read"},
		{"mistakes in both", []string{"--check-config", "--config", open, "--policies", broken}, 1, "", "broken.yaml:2:"},
		{"well-known password", []string{"--check-config", "--config", open, "--policies", policies}, 1, "", "admin/admin is for this machine only"},
		{"provider URL", []string{"--check-config", "--config", url, "--policies", policies}, 1, "", "broker.providerUrl"},
		{"certificate", []string{"--check-config", "--policies", policies, "--set", "listener.certificateFile=none", "--set", "listener.privateKeyFile=none"}, 1, "", "listener.certificateFile"},
		{"unknown key", []string{"--check-config", "--policies", policies, "--set", "broker.url=x"}, 1, "", "broker.url is not a known key"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out, errors bytes.Buffer
			code := Program{Stdout: &out, Stderr: &errors}.Run(context.Background(), tc.args)
			if code != tc.code || !strings.Contains(out.String(), tc.out) || !strings.Contains(errors.String(), tc.errors) {
				t.Errorf("%d\n%s\n%s", code, out.String(), errors.String())
			}
			if strings.Contains(errors.String(), "hush") {
				t.Error("a password was shown")
			}
		})
	}
}

func TestCheckMakesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("policies.yaml", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code := (Program{Stdout: &bytes.Buffer{}, Stderr: os.Stderr}).Run(t.Context(), []string{"--check-config"}); code != 0 {
		t.Fatal(code)
	}
	if entries, _ := os.ReadDir("."); len(entries) != 1 {
		t.Errorf("%v", entries)
	}
}

// TestSampleHoldsTheDefaults keeps what --print-config prints true.
func TestSampleHoldsTheDefaults(t *testing.T) {
	written, list := config.LoadTrafficManager(config.Source{File: "traffic-manager.conf", Data: []byte(sample)})
	if len(list) > 0 {
		t.Fatal(list)
	}
	standard, _ := config.LoadTrafficManager(config.Source{File: "traffic-manager.conf"})
	if written.Listener.CertificateNames = nil; written.Broker.ProviderURL.Reveal() != standard.Broker.ProviderURL.Reveal() {
		t.Error("the provider URL differs")
	}
	if a, b := dump(t, written), dump(t, standard); a != b {
		t.Errorf("%s\n%s", a, b)
	}
}

func dump(t *testing.T, c *config.TrafficManager) string {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSampleShowsUsers(t *testing.T) {
	// The commented lines of users, uncommented, are valid too.
	text := strings.NewReplacer("# [users", "[users", "# password", "password", "# admin = true", "admin = true").Replace(sample)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "operator.password"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, list := config.LoadTrafficManager(config.Source{
		File: filepath.Join(dir, "traffic-manager.conf"), Data: []byte(text), Environ: []string{"TM_GATEWAY_PASSWORD=y"},
	})
	if len(list) > 0 || len(c.Users) != 2 || c.Users[0].Admin || !c.Users[1].Admin {
		t.Errorf("%v %v", c.Users, list)
	}
}
