package scaffold

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func create(t *testing.T, path string, force bool, d *Definition) (*Result, error) {
	t.Helper()
	place, err := Locate(path)
	if err != nil {
		t.Fatal(err)
	}
	return Create(Options{Place: place, Force: force, Definition: d})
}

func mustCreate(t *testing.T, path string, force bool, d *Definition) *Result {
	t.Helper()
	result, err := create(t, path, force, d)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func read(t *testing.T, elem ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t *testing.T, text string, elem ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(elem...), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tree lists the files below a folder.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			files = append(files, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

func TestNewProjectHasItsFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "work", "petstore")
	result := mustCreate(t, dir, false, &Definition{"pets.yaml", []byte("openapi: 3.0.3\n")})
	want := strings.Fields(`.gitignore .mgw-init README.md api_definitions/.keep api_definitions/pets.yaml
		conf/admin.token conf/development-issuer.key conf/development-issuer.pem conf/micro-gw.conf
		interceptors/.keep policies.yaml policies/.keep`)
	if got := tree(t, dir); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if !slices.Equal(result.Written, want) || result.Beside != nil {
		t.Errorf("result %+v", result)
	}
	if readme := read(t, dir, "README.md"); !strings.HasPrefix(readme, "# petstore\n") || strings.Contains(readme, "{{") {
		t.Errorf("README.md:\n%s", readme)
	}
	if got := tree(t, filepath.Dir(dir)); len(got) != len(want) {
		t.Errorf("left beside the project: %v", got)
	}
}

func TestSecretsAreForTheirOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	mustCreate(t, dir, false, nil)
	for _, name := range []string{IssuerKeyFile, adminTokenFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", name, info.Mode().Perm())
		}
		if strings.Contains(read(t, dir, manifestFile), name) {
			t.Errorf("%s is in the manifest", name)
		}
		if !strings.Contains(read(t, dir, ".gitignore"), "/"+name+"\n") {
			t.Errorf("%s would be committed", name)
		}
	}
	if token := strings.TrimSpace(read(t, dir, adminTokenFile)); len(token) < 26 {
		t.Errorf("the admin token has %d characters", len(token))
	}
	other := filepath.Join(t.TempDir(), "p")
	mustCreate(t, other, false, nil)
	if read(t, dir, adminTokenFile) == read(t, other, adminTokenFile) {
		t.Error("two projects have one admin token")
	}
}

func TestCertificateBelongsToTheKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	mustCreate(t, dir, false, nil)
	checkPair(t, dir)
}

func checkPair(t *testing.T, dir string) {
	t.Helper()
	key, err := ParseIssuerKey([]byte(read(t, dir, IssuerKeyFile)))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(read(t, dir, issuerCertFile)))
	if block == nil || block.Type != "CERTIFICATE" {
		t.Fatalf("no certificate: %v", block)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if !cert.PublicKey.(*ecdsa.PublicKey).Equal(key.Public()) {
		t.Error("the certificate is for another key")
	}
}

func TestExistingFolderIsRefusedAndUntouched(t *testing.T) {
	dir := t.TempDir()
	write(t, "mine", dir, "policies.yaml")
	_, err := create(t, dir, false, nil)
	if !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "use -f") {
		t.Errorf("err = %v", err)
	}
	if got := tree(t, dir); !slices.Equal(got, []string{"policies.yaml"}) {
		t.Errorf("left %v", got)
	}
}

func TestFileInTheWayIsRefused(t *testing.T) {
	dir := t.TempDir()
	write(t, "mine", dir, "p")
	for _, force := range []bool{false, true} {
		if _, err := create(t, filepath.Join(dir, "p"), force, nil); !errors.Is(err, ErrExists) {
			t.Errorf("force %v: err = %v", force, err)
		}
	}
	if read(t, dir, "p") != "mine" {
		t.Error("the file was changed")
	}
}

func TestFailureLeavesNothing(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("root may write everywhere: a file in the place of a parent stands for a forbidden folder")
	}
	dir := t.TempDir()
	write(t, "mine", dir, "file")
	if _, err := create(t, filepath.Join(dir, "file", "p"), false, nil); err == nil {
		t.Fatal("created below a file")
	}
	// A definition whose place is taken by a folder fails after the first files.
	bad := &Definition{"a\x00b.yaml", []byte("x")}
	if _, err := create(t, filepath.Join(dir, "new", "deep", "p"), false, bad); err == nil {
		t.Fatal("wrote an impossible name")
	}
	if got := tree(t, dir); !slices.Equal(got, []string{"file"}) {
		t.Errorf("left %v", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("left the parents it made")
	}
}
