package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	envOpen  = "$env{"
	homeMark = "${mgw-runtime.home}"
)

// expand fills in $env{NAME} and ${mgw-runtime.home}. What a variable holds is
// taken as it is. Errors name the variable, never the text around it.
func (l *loader) expand(s string) (string, error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '$')
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		b.WriteString(s[:i])
		s = s[i:]
		switch {
		case strings.HasPrefix(s, envOpen):
			name, rest, closed := strings.Cut(s[len(envOpen):], "}")
			if !closed {
				return "", errors.New("has $env{ without }")
			}
			v, ok := l.environ[name]
			if !ok && l.src.TextOnly {
				v, ok, l.stoodIn = standIn, true, true
			}
			if !ok {
				return "", fmt.Errorf("needs the environment variable %s, which is not set", name)
			}
			b.WriteString(v)
			s = rest
		case strings.HasPrefix(s, homeMark):
			if l.src.Home == "" && l.src.TextOnly {
				l.stoodIn = true
			} else if l.src.Home == "" {
				return "", fmt.Errorf("needs %s, which is not known: set MGW_RUNTIME_HOME", homeMark)
			}
			b.WriteString(l.src.Home)
			s = s[len(homeMark):]
		default:
			b.WriteByte('$')
			s = s[1:]
		}
	}
}

// resolve makes a file name relative to the folder of the configuration.
func (l *loader) resolve(name string) string {
	if name == "" || filepath.IsAbs(name) || l.src.File == "" {
		return name
	}
	return filepath.Join(filepath.Dir(l.src.File), name)
}

const maxSecretFile = 64 << 10

// readSecret gives a file's content without the line end that editors add.
func (l *loader) readSecret(name string) (string, error) {
	if l.src.TextOnly {
		l.stoodIn = true
		return standIn, nil
	}
	name = l.resolve(name)
	l.reads(name)
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return "", fmt.Errorf("cannot be read: %w", err)
	case !info.Mode().IsRegular(): // opening a pipe could wait for ever
		return "", fmt.Errorf("names %s, which is not a file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("cannot be read: %w", err)
	case len(content) > maxSecretFile:
		return "", fmt.Errorf("names a file of more than %d bytes", maxSecretFile)
	}
	s := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if s == "" {
		return "", fmt.Errorf("names %s, which is empty", name)
	}
	return s, nil
}
