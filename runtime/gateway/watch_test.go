package gateway

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// becomes waits for what the watching of files brings about.
func (r *reloadable) becomes(what string, is func(ReloadState) bool) {
	r.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(r.State().Reloads); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("no %s: %+v\n%s", what, r.State().Reloads, r.log)
		}
	}
}

func (r *reloadable) reloaded(n uint64) {
	r.t.Helper()
	r.becomes("reload", func(s ReloadState) bool { return s.Reloads == n })
}

const watching = "reloadConfig.watch=true"

func TestAChangedFileIsReloaded(t *testing.T) {
	t.Parallel()
	r := startReloadable(t, served(okBackend(t)), map[string]string{confFile: withPolicies, "policies.yaml": tiers(3)}, watching)
	r.passes(2, "/pets/few")
	r.write("policies.yaml", tiers(6))
	r.reloaded(1)
	if passed := r.passes(6, "/pets/few"); passed != 4 {
		t.Errorf("%d passed", passed)
	}

	// Broken, and mended: by a file that takes the other's place.
	r.write(confFile, withPolicies+"[nonsense]\n")
	r.becomes("refusal", func(s ReloadState) bool { return s.Refused == 1 && len(s.LastError) == 1 })
	r.write("new.conf", withPolicies+"b7a.log.level = 'DEBUG'\n")
	if err := os.Rename(filepath.Join(r.folder, "new.conf"), filepath.Join(r.folder, confFile)); err != nil {
		t.Fatal(err)
	}
	r.becomes("reload after the refusal", func(s ReloadState) bool { return s.Reloads == 2 && s.Refused == 1 && len(s.LastError) == 0 })

	// A file that is named now, and was not before.
	r.write("more/policies.yaml", tiers(9))
	r.write(confFile, "throttlingConfig.policiesFile = 'more'\n")
	r.reloaded(3)
	r.write("more/policies.yaml", tiers(10))
	r.reloaded(4)
	if passed := r.passes(6, "/pets/few"); passed != 4 {
		t.Errorf("%d passed at the end", passed)
	}
}

// Kubernetes puts a new folder beside the old one and exchanges one link.
func TestAnExchangedLinkIsReloaded(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	version := func(name string, count int) {
		if err := errors.Join(
			os.MkdirAll(filepath.Join(folder, name), 0o700),
			os.WriteFile(filepath.Join(folder, name, "policies.yaml"), []byte(tiers(count)), 0o600),
			os.Symlink(name, filepath.Join(folder, "..data_tmp")),
			os.Rename(filepath.Join(folder, "..data_tmp"), filepath.Join(folder, "..data")),
		); err != nil {
			t.Fatal(err)
		}
	}
	version("..1", 1)
	if err := os.Symlink("..data/policies.yaml", filepath.Join(folder, "policies.yaml")); err != nil {
		t.Fatal(err)
	}
	r := startReloadable(t, served(okBackend(t)), nil, watching, "throttlingConfig.policiesFile="+folder)
	r.passes(1, "/pets/few")
	for n := range 3 {
		version("..next"+strings.Repeat("x", n), n+2)
		r.reloaded(uint64(n) + 1)
		if passed := r.passes(3, "/pets/few"); passed != 1 {
			t.Errorf("version %d: %d passed", n, passed)
		}
	}
}

func TestWhatChangesNothingIsNotReloaded(t *testing.T) {
	t.Parallel()
	r := startReloadable(t, served(okBackend(t)), nil, watching, "b7a.http.accesslog.path=access.log")
	r.passes(2, "/pets/few") // logged beside the configuration
	r.write(confFile, "")    // as it was
	r.write("other.txt", "nobody's")
	r.write(confFile, "b7a.log.level = 'DEBUG'\n")
	r.reloaded(1)
	if out := r.Reload(); !out.Applied { // always when asked for
		t.Error(out)
	}
	time.Sleep(2 * settleFor)
	if s := r.State().Reloads; s.Reloads != 2 || s.Refused != 0 {
		t.Errorf("%+v\n%s", s, r.log)
	}
}

func TestAHangupReloads(t *testing.T) {
	r := startReloadable(t, served(okBackend(t)), nil)
	for n := range uint64(3) {
		r.hangups <- syscall.SIGHUP
		r.reloaded(n + 1)
	}
}

func TestDelayEndsWhenServingHasFailed(t *testing.T) {
	failed := errors.New("no more sockets")
	served := make(chan error, 1)
	served <- failed
	if ended, err := delay(time.Hour, served); !ended || err != failed {
		t.Errorf("%v %v", err, ended)
	}
	if ended, err := delay(0, make(chan error)); ended || err != nil {
		t.Errorf("%v %v", err, ended)
	}
}
