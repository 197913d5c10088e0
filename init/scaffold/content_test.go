package scaffold

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"mgw/runtime/config"
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
