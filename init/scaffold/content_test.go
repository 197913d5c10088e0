package scaffold

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"mgw/runtime/config"
	"mgw/runtime/policy"
	"mgw/runtime/spec"
)

// uncommented turns each line that shows a default into a setting.
var uncommented = regexp.MustCompile(`(?m)^# (\w+ = |\[\[?\w)`)

func TestConfigurationIsRightAsItStandsAndWithEveryLineInForce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	mustCreate(t, dir, false, nil)
	file := filepath.Join(dir, "conf", "micro-gw.conf")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg, list := config.Load(config.Source{File: file, Data: text})
	if len(list) > 0 {
		t.Errorf("as it stands: %v", list)
	}
	if len(cfg.Issuers) != 1 || !cfg.Issuers[0].Development || cfg.Issuers[0].Issuer != Issuer {
		t.Errorf("issuers: %+v", cfg.Issuers)
	}
	if !cfg.Admin.Enabled || cfg.Admin.Host != "127.0.0.1" || cfg.Admin.Port != 9091 {
		t.Errorf("admin: %+v", cfg.Admin)
	}

	text = uncommented.ReplaceAll(text, []byte("$1"))
	all, list := config.Load(config.Source{File: file, Data: text})
	if len(list) > 0 {
		t.Errorf("with every line in force: %v", list)
	}
	if len(all.Issuers) != 2 {
		t.Errorf("issuers with the example: %+v", all.Issuers)
	}
	all.Issuers = cfg.Issuers
	// As text: an empty list that was set is none that was not.
	if got, want := fmt.Sprintf("%+v", all), fmt.Sprintf("%+v", cfg); got != want {
		t.Errorf("a line shows something else than the default:\n%s\n%s", got, want)
	}
}

// example turns each commented example into a policy. They start below the
// introduction.
var example = regexp.MustCompile(`(?m)^#(\w+:|  )`)

func TestTiersAreRightAsTheyStandAndWithEveryExample(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	mustCreate(t, dir, false, nil)
	text := []byte(read(t, dir, "policies.yaml"))
	p, list := policy.Parse([]policy.File{{Name: "policies.yaml", Data: text}})
	if len(list) > 0 {
		t.Errorf("as they stand: %v", list)
	}
	const usual = "Bronze 1, Silver 5, Gold 20, Unlimited 0, "
	for name, tc := range map[string]struct {
		tiers []spec.Tier
		want  string
	}{
		"resource":     {p.Resource, usual},
		"application":  {p.Application, usual},
		"subscription": {p.Subscription, usual + "Unauthenticated 500, Default 500, "},
	} {
		got := ""
		for _, tier := range tc.tiers {
			got += fmt.Sprintf("%s %d, ", tier.Name, tier.Count)
			if tier.Unlimited != (tier.Name == spec.TierUnlimited) || !tier.Unlimited && tier.Window != time.Minute {
				t.Errorf("%s: %+v", name, tier)
			}
		}
		if got != tc.want {
			t.Errorf("%s: %s", name, got)
		}
	}

	introduction, rest, _ := bytes.Cut(text, []byte("\nresourcePolicies:"))
	text = slices.Concat(introduction, []byte("\nresourcePolicies:"), example.ReplaceAll(rest, []byte("$1")))
	p, list = policy.Parse([]policy.File{{Name: "policies.yaml", Data: text}})
	if len(list) > 0 {
		t.Errorf("with every example: %v", list)
	}
	if len(p.Resource) != 5 || len(p.Application) != 5 || len(p.Subscription) != 7 || len(p.IP) != 1 || len(p.Custom) != 1 {
		t.Errorf("with every example: %+v", p)
	}
}
