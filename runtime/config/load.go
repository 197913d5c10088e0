package config

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"mgw/runtime/diag"
)

// Source is everything that a configuration comes from.
type Source struct {
	File      string // shown in messages; relative paths start in its folder. "": no file
	Data      []byte // the file's content
	Overrides []Override
	Environ   []string // as os.Environ gives it
	Home      string   // what ${mgw-runtime.home} stands for

	// TextOnly checks the file's text alone, as a build does: variables and
	// secret files are those of the machine where the gateway will run, and
	// stand-ins take their place. The Config is not fit to be used.
	TextOnly bool
}

// standIn takes the place of what TextOnly leaves out, standInURL that of a URL
// which holds some of it.
const (
	standIn    = "stand-in"
	standInURL = "https://localhost"
)

// maxFile bounds the file; a real one has some kilobytes.
const maxFile = 1 << 20

// Load reads a configuration. With an error in the list the Config is not fit
// to be used; it is never nil.
func Load(src Source) (*Config, diag.List) {
	l := newLoader(src)
	l.root = tree(l.keys())
	l.readFile()
	l.readEnvironment()
	for _, o := range src.Overrides {
		l.override(o)
	}
	l.finish()
	l.check()
	l.list.Sort()
	return l.cfg, l.list
}

type loader struct {
	src     Source
	cfg     *Config
	environ map[string]string
	root    *node
	places  map[string]place
	lines   [][]byte // of the file; nil until one is asked for
	strange int      // unknown keys so far
	set     map[string]origin
	list    diag.List
	stoodIn bool // the value under way holds a stand-in

	// Keys that only finish reads.
	skew, keyManagerSkew time.Duration
	oldAccount           Account // keyManager.username, .password
	oldHostname          string
	oldEtcd              bool
}

func newLoader(src Source) *loader {
	l := &loader{src: src, cfg: &Config{File: src.File}, environ: map[string]string{}, set: map[string]origin{}}
	for _, kv := range src.Environ {
		if name, value, ok := strings.Cut(kv, "="); ok {
			l.environ[name] = value
		}
	}
	return l
}

// origin is what set a key last.
type origin struct {
	layer layer
	at    diag.Problem // only the place
}

func (l *loader) readFile() {
	if len(l.src.Data) > maxFile {
		l.list.Errorf(l.src.File, 0, 0, "the file is larger than %d bytes", maxFile)
		return
	}
	if !utf8.Valid(l.src.Data) {
		l.list.Errorf(l.src.File, 0, 0, "the file is not UTF-8 text")
		return
	}
	var root map[string]any
	if _, err := toml.Decode(string(l.src.Data), &root); err != nil {
		l.list.Add(l.syntax(err))
		return
	}
	l.places = places(l.src.Data)
	l.table("", root, l.root)
}

// syntax describes what is not TOML. Messages of the parser repeat parts of
// the text, so on lines that may hold a secret a plain one stands in.
func (l *loader) syntax(err error) diag.Problem {
	p := diag.Problem{File: l.src.File, Msg: "the file is not valid TOML"}
	var parse toml.ParseError
	if !errors.As(err, &parse) {
		return p
	}
	p.Line, p.Col = lineCol(l.src.Data, parse.Position.Start)
	p.Private = l.private(p.Line) || strings.Contains(parse.Message, "unexpected EOF")
	if !p.Private {
		p.Msg = "not valid TOML: " + strings.ToLower(parse.Message[:1]) + parse.Message[1:]
	}
	return p
}
