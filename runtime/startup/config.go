// Package startup is what the launcher and the executable that it starts agree
// on: where the configuration is found, and how the executable says that it
// serves.
//
// Both apply the same rules: the launcher passes the file it found on as
// --config, an executable that is run alone looks for itself. The package reads
// no configuration, knows nothing about a gateway and imports nothing but the
// standard library, so that the launcher stays small.
package startup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ConfigName is the name of the configuration file in its folder.
const ConfigName = "micro-gw.conf"

// Environment variables that say where the configuration lies.
const (
	ConfDirVariable = "MGW_CONF_DIR"
	HomeVariable    = "MGW_RUNTIME_HOME"
)

// Search is where a configuration may be found.
type Search struct {
	Flag       string              // value of --config, a file or a folder; "" when it is not given
	Getenv     func(string) string // os.Getenv
	Executable string              // the gateway; its project's conf folder is searched
}

// Find gives the absolute path of the configuration file, "" when the built-in
// defaults hold. What the user names must be there: a gateway that starts with
// other settings than those asked for is worse than one that does not start.
func (s Search) Find() (string, error) {
	if s.Flag != "" {
		return named(s.Flag)
	}
	if dir := s.Getenv(ConfDirVariable); dir != "" {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			//lint:ignore ST1005 the original's text (contract section 1.8)
			return "", fmt.Errorf("Provided Microgateway Config Directory: %s is not available", dir)
		}
		return named(dir)
	}
	if home := s.Getenv(HomeVariable); home != "" {
		if file, err := optional(filepath.Join(home, "conf", ConfigName)); file != "" || err != nil {
			return file, err
		}
	}
	return s.besideTarget()
}

// named gives the file that a user's path means.
func named(path string) (string, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		path = filepath.Join(path, ConfigName)
		info, err = os.Stat(path)
	}
	if err == nil && info.IsDir() {
		err = errors.New("is a folder")
	}
	if err != nil {
		return "", fmt.Errorf("configuration %s: %w", path, reason(err))
	}
	return filepath.Abs(path)
}

// besideTarget looks into the conf folder beside the target folder that the
// executable was built to. An executable elsewhere has no project.
func (s Search) besideTarget() (string, error) {
	path, err := filepath.Abs(s.Executable)
	if s.Executable == "" || err != nil {
		return "", err
	}
	target := filepath.Dir(path)
	if filepath.Base(target) != "target" {
		return "", nil
	}
	return optional(filepath.Join(filepath.Dir(target), "conf", ConfigName))
}

// optional gives the path if there is a file, "" if there is none. A file that
// cannot be looked at is an error, not an absence.
func optional(path string) (string, error) {
	_, err := os.Stat(path)
	switch {
	case err == nil:
		return filepath.Abs(path)
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	}
	return "", fmt.Errorf("configuration %s: %w", path, reason(err))
}

// reason drops the operation and path that the message has already.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
