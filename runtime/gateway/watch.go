package gateway

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"

	"mgw/runtime/config"
)

// How long files must stay as they are before they are read again, and how
// long that is waited for at most: several of them may belong together, and an
// editor writes one in steps.
const (
	settleFor  = 300 * time.Millisecond
	settleMost = 3 * time.Second
)

// watch reloads when the content of a file has changed that the configuration
// consists of, until ctx ends. Folders are watched, not files: editors replace
// files, and Kubernetes exchanges the link to a folder.
func (g *Gateway) watch(ctx context.Context) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		g.options.Log.Warn("files are not watched: a change needs a SIGHUP", "error", err)
		return
	}
	defer w.Close()
	names := g.follow(w)
	settled := time.NewTimer(0) // files may have changed before they were watched
	defer settled.Stop()
	var since time.Time // of the first change that has not been looked at
	for {
		var changed bool
		select {
		case <-ctx.Done():
			return
		case e := <-w.Events:
			changed = relevant(e, names)
		case err := <-w.Errors: // changes may have been missed
			g.options.Log.Warn("watching files", "error", err)
			changed = true
		case <-settled.C:
			since = time.Time{}
			g.reloadIfChanged()
			names = g.follow(w)
		}
		if changed {
			if since.IsZero() {
				since = time.Now()
			}
			settled.Reset(min(settleFor, max(0, settleMost-time.Since(since))))
		}
	}
}

// relevant tells events that may have changed what one of the named files
// holds. Whatever comes into being or goes may be a link on the way to one; what
// is merely written, a log perhaps, is not.
func relevant(e fsnotify.Event, names map[string]bool) bool {
	return e.Op&(fsnotify.Create|fsnotify.Remove|fsnotify.Rename) != 0 || names[e.Name] || names[filepath.Dir(e.Name)]
}

// follow watches the folders that matter now, no others, and gives the names of
// the files.
func (g *Gateway) follow(w *fsnotify.Watcher) map[string]bool {
	g.reloads.mu.Lock()
	files := g.files()
	g.reloads.mu.Unlock()
	names, folders := map[string]bool{}, map[string]bool{}
	for _, file := range files {
		for _, name := range ways(file) {
			names[name] = true
			folders[folderOf(name)] = true
		}
	}
	for _, watched := range w.WatchList() {
		if !folders[watched] {
			_ = w.Remove(watched) // it may be gone already
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		if err := w.Add(folder); err != nil {
			g.options.Log.Warn("a folder is not watched: changes in it need a SIGHUP", "folder", folder, "error", err)
		}
	}
	return names
}

// ways gives a file, each link on the way to it, and where they lead.
func ways(file string) []string {
	all := []string{filepath.Clean(file)}
	if real, err := filepath.EvalSymlinks(file); err == nil {
		all = append(all, real)
		if info, err := os.Stat(real); err == nil && info.IsDir() {
			all = append(all, filepath.Join(real, "*")) // what lies in it
		}
	}
	for at := filepath.Dir(all[0]); at != filepath.Dir(at); at = filepath.Dir(at) {
		if info, err := os.Lstat(at); err == nil && info.Mode()&os.ModeSymlink != 0 {
			all = append(all, at)
		}
	}
	return all
}

// folderOf gives the folder that a name lies in, or would: the nearest that is
// there.
func folderOf(name string) string {
	for {
		name = filepath.Dir(name)
		if info, err := os.Stat(name); err == nil && info.IsDir() || name == filepath.Dir(name) {
			return name
		}
	}
}

// reloadIfChanged reloads unless the last attempt has seen all files as they
// are.
func (g *Gateway) reloadIfChanged() {
	g.reloads.mu.Lock()
	defer g.reloads.mu.Unlock()
	if g.reloads.serving && !maps.Equal(digests(g.files()), g.reloads.digests) {
		g.reload()
	}
}

// lookAt notes what files a reload that has begun at a time has left to look
// at. Of those it had not looked at before, one that was written since may have
// been read before that: it counts as unknown.
func (r *reloads) lookAt(files []string, began time.Time) {
	now := digests(files)
	for name := range now {
		if digest, known := r.digests[name]; known {
			now[name] = digest
		} else if info, err := os.Stat(name); err == nil && !info.ModTime().Before(began) {
			now[name] = ""
		}
	}
	r.digests = now
}

// configured gives all files that a configuration consists of.
func configured(cfg *config.Config) []string {
	if cfg.File == "" {
		return slices.Clone(cfg.Files)
	}
	return append(slices.Clone(cfg.Files), cfg.File)
}

// digests reads files: the digest of what each holds, and of a folder those of
// the files in it; "-" for what cannot be read.
func digests(files []string) map[string]string {
	all := make(map[string]string, len(files))
	for _, name := range files {
		all[name] = cmp.Or(digestOf(name), "-")
	}
	return all
}

// maxDigest bounds what is read of a file: those that are read here are small.
const maxDigest = 64 << 20

func digestOf(name string) string {
	sum := sha256.New()
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return ""
	case info.IsDir():
		files, err := policyFiles(name)
		if err != nil {
			return ""
		}
		for _, file := range files {
			io.WriteString(sum, digestOf(file)+" "+filepath.Base(file)+"\n")
		}
	case !info.Mode().IsRegular():
		return ""
	default:
		f, err := os.Open(name)
		if err != nil {
			return ""
		}
		defer f.Close()
		if _, err := io.Copy(sum, io.LimitReader(f, maxDigest)); err != nil {
			return ""
		}
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}
