// Package compile turns the files of a generated module into an executable.
//
// The module's files and the runtime's source come in; one static executable at
// Output and the module's files at Gen go out. Both appear at the end and
// together: whatever fails before leaves the previous ones as they were, and
// nothing half-built behind.
//
// The compiler runs in an environment that is written down here and nowhere
// else. The same files and the same Go give the same bytes, from any folder.
// The only things outside the two outputs that change are the compiler's own
// caches and the unpacked runtime (see unpack).
package compile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mgw"
)

// ErrToolchain is matched by what is wrong with the machine, not with the
// user's files: no go command, one too old, a compiler or a download that
// fails.
var ErrToolchain = errors.New("the Go tool chain cannot build the gateway")

// Options says what is compiled, and where to.
type Options struct {
	Source fs.FS             // the runtime: go.mod, go.sum, runtime/; nil means mgw.Source
	Files  map[string][]byte // the generated module, by slash-separated path
	Gen    string            // folder that Files replace when the build succeeds
	Output string            // the executable

	// User is the folder of Files that the user wrote: mistakes in it are a
	// *SourceError. Module says that it has a go.mod of its own, which asks for
	// GoVersion ("" for any).
	User      string
	Module    bool
	GoVersion string

	GOOS, GOARCH string // "" means this machine's

	Go       string            // the go command; "" means the one in PATH
	CacheDir string            // where the runtime is unpacked; "" means the user's cache folder
	Progress func(step string) // called with each package compiled or module fetched; may be nil
}

// Compile builds the executable.
func Compile(ctx context.Context, o Options) error {
	if err := o.prepare(); err != nil {
		return err
	}
	if o.Source == nil {
		o.Source = mgw.Source
	}
	runtime, err := readTree(o.Source)
	if err != nil {
		return fmt.Errorf("reading the runtime's source: %w", err)
	}
	tools, err := findTools(ctx, o.Go, newer(runtime.goVersion, o.GoVersion))
	if err != nil {
		return err
	}
	root, err := runtime.unpack(o.CacheDir, filepath.Dir(o.Gen))
	if err != nil {
		return fmt.Errorf("unpacking the runtime's source: %w", err)
	}
	work, err := newWorkspace(o, root, newer(runtime.goVersion, o.GoVersion))
	if err != nil {
		return fmt.Errorf("writing the generated source: %w", err)
	}
	defer work.remove()
	if err := tools.build(ctx, work, o); err != nil {
		return err
	}
	return work.publish(o)
}

// prepare makes the paths absolute and refuses those that would destroy
// something.
func (o *Options) prepare() error {
	for _, path := range []*string{&o.Gen, &o.Output} {
		abs, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = abs
	}
	if o.Output == o.Gen || strings.HasPrefix(o.Output, o.Gen+string(filepath.Separator)) {
		return fmt.Errorf("the executable cannot be %s: the generated source is kept in %s", o.Output, o.Gen)
	}
	if info, err := os.Stat(o.Output); err == nil && info.IsDir() {
		return fmt.Errorf("the executable cannot be %s: a folder of that name exists", o.Output)
	}
	return nil
}
