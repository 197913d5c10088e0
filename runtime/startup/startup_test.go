package startup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tree makes the named files, empty, and gives their root.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestTheFirstPlaceThatNamesAConfigurationCounts(t *testing.T) {
	root := tree(t, "flag/micro-gw.conf", "flag/other.conf", "env/micro-gw.conf", "home/conf/micro-gw.conf",
		"shop/conf/micro-gw.conf", "shop/target/shop", "shop/bin/shop", "bare/target/bare", "empty/keep")
	for _, tc := range []struct{ name, flag, env, home, executable, want string }{
		{"flag, folder", "flag", "env", "home", "shop/target/shop", "flag/micro-gw.conf"},
		{"flag, file", "flag/other.conf", "env", "home", "shop/target/shop", "flag/other.conf"},
		{"MGW_CONF_DIR", "", "env", "home", "shop/target/shop", "env/micro-gw.conf"},
		{"MGW_RUNTIME_HOME", "", "", "home", "shop/target/shop", "home/conf/micro-gw.conf"},
		{"home without conf", "", "", "empty", "shop/target/shop", "shop/conf/micro-gw.conf"},
		{"project", "", "", "", "shop/target/shop", "shop/conf/micro-gw.conf"},
		{"project without conf", "", "", "", "bare/target/bare", ""},
		{"not in target", "", "", "", "shop/bin/shop", ""},
		{"nothing known", "", "", "", "", ""},
	} {
		at := func(name string) string {
			if name == "" {
				return ""
			}
			return filepath.Join(root, name)
		}
		env := map[string]string{ConfDirVariable: at(tc.env), HomeVariable: at(tc.home)}
		s := Search{at(tc.flag), func(k string) string { return env[k] }, at(tc.executable)}
		if got, err := s.Find(); err != nil || got != at(tc.want) {
			t.Errorf("%s: %q, %v; want %q", tc.name, got, err, tc.want)
		}
	}
}

func TestAConfigurationThatIsNamedMustBeThere(t *testing.T) {
	root := tree(t, "empty/keep", "conf/micro-gw.conf/keep")
	for _, tc := range []struct{ flag, env, want string }{
		{"gone", "", "configuration gone: no such file or directory"},
		{"empty", "", "configuration empty/micro-gw.conf: no such file or directory"},
		{"conf", "", "configuration conf/micro-gw.conf: is a folder"},
		{"", "gone", "Provided Microgateway Config Directory: gone is not available"},
		{"", "empty/keep", "Provided Microgateway Config Directory: empty/keep is not available"},
		{"", "empty", "configuration empty/micro-gw.conf: no such file or directory"},
	} {
		t.Chdir(root)
		s := Search{Flag: tc.flag, Getenv: func(k string) string { return map[string]string{ConfDirVariable: tc.env}[k] }}
		if got, err := s.Find(); err == nil || err.Error() != tc.want {
			t.Errorf("%+v: %q, %v", tc, got, err)
		}
	}
}

func TestARelativeConfigurationBecomesAbsolute(t *testing.T) {
	root := tree(t, "conf/micro-gw.conf", "target/shop")
	t.Chdir(root)
	none := func(string) string { return "" }
	for _, s := range []Search{{"conf", none, ""}, {"", none, "target/shop"}} {
		if got, err := s.Find(); err != nil || !filepath.IsAbs(got) || !strings.HasSuffix(got, "/conf/micro-gw.conf") {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestTheWaiterHearsReady(t *testing.T) {
	w, err := NewWaiter()
	if err != nil {
		t.Fatal(err)
	}
	name, value, _ := strings.Cut(w.Variable(), "=")
	t.Setenv(name, value)
	if err := Ready(); err != nil {
		t.Error(err)
	}
	if err := w.Wait(); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(value)); err == nil {
		t.Error("the socket was left behind")
	}
	if err := Ready(); err == nil {
		t.Error("telling nobody succeeded")
	}
}

func TestALongTemporaryFolderIsDoneWithout(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 120))
	if err := os.Mkdir(long, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	w, err := NewWaiter()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(long); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestReadyWithoutAListenerDoesNothing(t *testing.T) {
	t.Setenv(NotifyVariable, "")
	if err := Ready(); err != nil {
		t.Error(err)
	}
}

func TestClosingEndsTheWait(t *testing.T) {
	w, err := NewWaiter()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- w.Wait() }()
	w.Close()
	if err := <-done; err == nil {
		t.Error("nobody was ready")
	}
}
