package scaffold

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestForceOnAnUneditedProjectChangesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	mustCreate(t, dir, false, nil)
	before := map[string]string{}
	for _, f := range tree(t, dir) {
		before[f] = read(t, dir, f)
	}
	result := mustCreate(t, dir, true, nil)
	if len(result.Written)+len(result.Beside) != 0 {
		t.Errorf("result %+v", result)
	}
	for f, text := range before {
		if read(t, dir, f) != text {
			t.Errorf("%s changed", f)
		}
	}
	if got := tree(t, dir); len(got) != len(before) {
		t.Errorf("now %v", got)
	}
}

func TestForceKeepsEditedFilesAndRenewsOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	mustCreate(t, dir, false, nil)
	secret := read(t, dir, adminTokenFile)
	write(t, "mine", dir, "policies.yaml")
	write(t, "also mine", dir, "api_definitions", "a.yaml")
	// An mgw with other templates wrote README.md, and nobody edited it.
	write(t, "old readme\n", dir, "README.md")
	m := parseManifest([]byte(read(t, dir, manifestFile)))
	m["README.md"] = digest([]byte("old readme\n"))
	write(t, string(m.file().data), dir, manifestFile)
	if err := os.Remove(filepath.Join(dir, ".gitignore")); err != nil {
		t.Fatal(err)
	}

	result := mustCreate(t, dir, true, nil)
	if !slices.Equal(result.Written, []string{".gitignore", "README.md"}) {
		t.Errorf("written %v", result.Written)
	}
	if !slices.Equal(result.Beside, []Beside{{"policies.yaml", "policies.yaml.new"}}) {
		t.Errorf("beside %v", result.Beside)
	}
	for name, want := range map[string]string{"policies.yaml": "mine", "api_definitions/a.yaml": "also mine", adminTokenFile: secret} {
		if got := read(t, dir, name); got != want {
			t.Errorf("%s is now %q", name, got)
		}
	}
	if read(t, dir, "README.md") == "old readme\n" {
		t.Error("README.md was not renewed")
	}

	again := mustCreate(t, dir, true, nil)
	if len(again.Written)+len(again.Beside) != 0 {
		t.Errorf("a second time: %+v", again)
	}
	if read(t, dir, "policies.yaml") != "mine" {
		t.Error("the second time replaced an edited file")
	}
}

func TestForceNeverReplacesAnEditedNewFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	mustCreate(t, dir, false, nil)
	write(t, "mine", dir, "policies.yaml")
	write(t, "mine too", dir, "policies.yaml.new")
	result := mustCreate(t, dir, true, nil)
	if !slices.Equal(result.Beside, []Beside{{"policies.yaml", "policies.yaml.new.2"}}) {
		t.Errorf("beside %v", result.Beside)
	}
	if read(t, dir, "policies.yaml.new") != "mine too" {
		t.Error("replaced")
	}
}

func TestForceOnAFolderOfSomebodyElse(t *testing.T) {
	dir := t.TempDir()
	write(t, "mine", dir, "README.md")
	result := mustCreate(t, dir, true, nil)
	if !slices.Equal(result.Beside, []Beside{{"README.md", "README.md.new"}}) {
		t.Errorf("beside %v", result.Beside)
	}
	if read(t, dir, "README.md") != "mine" {
		t.Error("replaced")
	}
	checkPair(t, dir)
}

func TestForceTreatsADefinitionLikeOtherFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	mustCreate(t, dir, false, &Definition{"a.yaml", []byte("one")})
	result := mustCreate(t, dir, true, &Definition{"a.yaml", []byte("two")})
	if !slices.Equal(result.Written, []string{"api_definitions/a.yaml"}) || read(t, dir, "api_definitions/a.yaml") != "two" {
		t.Errorf("unedited: %+v", result)
	}
	write(t, "edited", dir, "api_definitions/a.yaml")
	result = mustCreate(t, dir, true, &Definition{"a.yaml", []byte("three")})
	if len(result.Beside) != 1 || read(t, dir, "api_definitions/a.yaml.new") != "three" {
		t.Errorf("edited: %+v", result)
	}
}

func TestForceMakesMissingSecretsThatFit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	mustCreate(t, dir, false, nil)
	key := read(t, dir, IssuerKeyFile)
	remove := func(names ...string) {
		for _, n := range names {
			if err := os.Remove(filepath.Join(dir, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove(issuerCertFile)
	mustCreate(t, dir, true, nil)
	if read(t, dir, IssuerKeyFile) != key {
		t.Error("the key was replaced")
	}
	checkPair(t, dir)

	remove(IssuerKeyFile)
	mustCreate(t, dir, true, nil)
	if read(t, dir, IssuerKeyFile) == key {
		t.Error("an old key came back")
	}
	checkPair(t, dir)

	remove(IssuerKeyFile, issuerCertFile, adminTokenFile)
	result := mustCreate(t, dir, true, nil)
	if len(result.Written) != 3 {
		t.Errorf("written %v", result.Written)
	}
	checkPair(t, dir)
}

func TestForceRefusesADamagedKeyWithoutChanges(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	mustCreate(t, dir, false, nil)
	write(t, "not a key", dir, IssuerKeyFile)
	if err := os.Remove(filepath.Join(dir, issuerCertFile)); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	if _, err := create(t, dir, true, nil); err == nil {
		t.Error("made a certificate for a damaged key")
	}
	if got := tree(t, dir); !slices.Equal(got, before) {
		t.Errorf("now %v", got)
	}
}

func TestForceDoesNotFollowLinksOutOfTheProject(t *testing.T) {
	outside, dir := t.TempDir(), filepath.Join(t.TempDir(), "p")
	mustCreate(t, dir, false, nil)
	write(t, "theirs", outside, "policies.yaml")
	if err := os.Remove(filepath.Join(dir, "policies.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "policies.yaml"), filepath.Join(dir, "policies.yaml")); err != nil {
		t.Skip(err)
	}
	result := mustCreate(t, dir, true, nil)
	if !slices.Equal(result.Beside, []Beside{{"policies.yaml", "policies.yaml.new"}}) || read(t, outside, "policies.yaml") != "theirs" {
		t.Errorf("a linked file: %+v", result)
	}

	if err := os.RemoveAll(filepath.Join(dir, "conf")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "conf")); err != nil {
		t.Fatal(err)
	}
	if _, err := create(t, dir, true, nil); err == nil {
		t.Error("wrote through a linked folder")
	}
	if _, err := os.Stat(filepath.Join(outside, "admin.token")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a secret was written outside the project")
	}
}

func TestForceFailureLeavesNoTemporaryFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	mustCreate(t, dir, false, nil)
	if err := os.RemoveAll(filepath.Join(dir, "policies")); err != nil {
		t.Fatal(err)
	}
	write(t, "a file, not a folder", dir, "policies")
	if err := os.Remove(filepath.Join(dir, "README.md")); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	if _, err := create(t, dir, true, nil); err == nil {
		t.Fatal("wrote below a file")
	}
	if got := tree(t, dir); !slices.Equal(got, before) {
		t.Errorf("now %v", got)
	}
}
