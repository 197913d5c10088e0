package scaffold

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"
)

// Definition is an OpenAPI document to bring into a project.
type Definition struct {
	Name string // a bare file name with an extension that the build reads
	Data []byte
}

func (d *Definition) file() file {
	return file{"api_definitions/" + d.Name, d.Data, 0o644}
}

// maxDefinition bounds what is read: the build reads no larger ones.
const maxDefinition = 128 << 20

// ReadDefinition takes a definition from a file.
func ReadDefinition(name string) (*Definition, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the definition: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("reading the definition: %s is a folder, not a file", name)
	}
	data, err := readBounded(f)
	if err != nil {
		return nil, fmt.Errorf("reading the definition %s: %w", name, err)
	}
	d, err := newDefinition(filepath.Base(name), data)
	if err != nil {
		return nil, fmt.Errorf("the definition %s: %w", name, err)
	}
	return d, nil
}

func readBounded(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxDefinition+1))
	if err == nil && len(data) > maxDefinition {
		err = fmt.Errorf("it is larger than %d MiB", maxDefinition>>20)
	}
	return data, err
}

// newDefinition looks at the first character only: what the document says is
// the build's affair. A login page instead of a definition is the common mistake.
func newDefinition(name string, data []byte) (*Definition, error) {
	text := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	switch {
	case len(text) == 0:
		return nil, errors.New("it is empty")
	case text[0] == '<':
		return nil, errors.New("it is HTML or XML, not an OpenAPI document")
	case bytes.IndexByte(text, 0) >= 0:
		return nil, errors.New("it is binary, not an OpenAPI document")
	}
	name = cleanName(name)
	switch strings.ToLower(path.Ext(name)) {
	case ".yaml", ".yml", ".json":
	default:
		if text[0] == '{' {
			name += ".json"
		} else {
			name += ".yaml"
		}
	}
	return &Definition{name, data}, nil
}

// DefinitionName gives the name for a definition's file: the one that somebody
// asks for, with the extension if it has none, or else its own.
func DefinitionName(asked string, d *Definition) (string, error) {
	if asked == "" {
		return d.Name, nil
	}
	named, err := newDefinition(asked, d.Data)
	if err != nil {
		return "", err
	}
	if bare := strings.TrimSuffix(named.Name, path.Ext(named.Name)); asked != named.Name && asked != bare {
		return "", fmt.Errorf("%q is no name for a file; %q is", asked, named.Name)
	}
	return named.Name, nil
}

// remoteName gives the name that a server or, failing that, the URL calls a
// document.
func remoteName(header http.Header, u *url.URL) string {
	if _, params, err := mime.ParseMediaType(header.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		return params["filename"]
	}
	return path.Base(u.Path)
}

// cleanName makes a name safe that somebody else chose: no folders, nothing
// hidden, nothing that a terminal or a shell would act on.
func cleanName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.L, unicode.M, unicode.Nd) && r != unicode.ReplacementChar || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, name)
	name = strings.TrimLeft(name, "._-")
	ext := path.Ext(name)
	if len(ext) > 16 {
		ext = ""
	}
	stem := strings.TrimSuffix(name, ext)
	for len(stem) > maxName {
		stem = stem[:len(stem)-1]
	}
	stem = strings.ToValidUTF8(stem, "")
	if strings.Trim(stem, "_") == "" || checkName(stem) != nil {
		stem = "definition" + stem
	}
	return stem + ext
}
