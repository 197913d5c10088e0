package config

import (
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

const hard = `# comment = 1
a = 1 # [not.a.table]
"quo\u0074ed \"key\"" = 'x = 5'
'lit.eral' . b = """
[not.a.table]
c = 2 """
  [ t . "u" ]	# header
d = [ 1, # one
  { e = 2, 'f' = [[1], [{ g = 1 }]] },
  "]", ''']
h = 3''' ]
[[l]]
i.j.k = 1979-05-27T07:32:00Z
i.j.m = 1
[[l]]
i = { j = { k = {} } }
[l.sub]
n = true
[[l.deep]]
o = """a\"""b"""""
[[l.deep]]
[super.table]
[super]
p = inf
`

func TestPlacesOfEveryKindOfKey(t *testing.T) {
	got := places([]byte(hard))
	for path, want := range map[string]place{
		`a`:                  {2, 1, 2, 5},
		`"quoted \"key\""`:   {3, 1, 3, 25},
		`"lit.eral".b`:       {4, 1, 4, 18},
		`"lit.eral"`:         {4, 1, 4, 18},
		`t`:                  {7, 5, 7, 5},
		`t.u`:                {7, 5, 7, 5},
		`t.u.d`:              {8, 1, 8, 5},
		`t.u.d[0]`:           {8, 7, 8, 7},
		`t.u.d[1]`:           {9, 3, 9, 3},
		`t.u.d[1].e`:         {9, 5, 9, 9},
		`t.u.d[1].f[1][0].g`: {9, 27, 9, 31},
		`t.u.d[3]`:           {10, 8, 10, 8},
		`l`:                  {12, 3, 12, 3},
		`l[0]`:               {12, 3, 12, 3},
		`l[0].i.j.k`:         {13, 1, 13, 9},
		`l[0].i.j.m`:         {14, 1, 14, 9},
		`l[1].i.j.k`:         {16, 13, 16, 17},
		`l[1].sub.n`:         {18, 1, 18, 5},
		`l[1].deep[0].o`:     {20, 1, 20, 5},
		`l[1].deep[1]`:       {21, 3, 21, 3},
		`super.table`:        {22, 2, 22, 2},
		`super.p`:            {24, 1, 24, 5},
	} {
		if got[path] != want {
			t.Errorf("%s: got %v, want %v", path, got[path], want)
		}
	}
	for path := range got {
		if strings.Contains(path, "not") || strings.HasSuffix(path, ".h") || path == "c" {
			t.Errorf("found %s, which is no key", path)
		}
	}
}

// Whatever TOML parses, each of its keys has a place, and there the key or the
// header stands.
func FuzzPlaces(f *testing.F) {
	f.Add(hard)
	f.Add("a.b.c = {d.e = 1}\n[[a.b.f]]\r\n[a.b.f.g]\n")
	f.Add("\"\" = 1\n'' .a = 2")
	f.Add("a = [{b = 1}, {b = 2}]\nc = [[[]]]")
	f.Add("a='\"'\nb=\"\\\\\"\nc=''''x'''''")
	f.Fuzz(func(t *testing.T, text string) {
		found := places([]byte(text))
		var root map[string]any
		if len(text) > 4096 {
			return
		}
		if _, err := toml.Decode(text, &root); err != nil {
			return
		}
		lines := strings.Split(text, "\n")
		everyKey("", root, 0, func(path string) {
			p, ok := found[path]
			if !ok {
				t.Fatalf("no place for %s in %q", path, text)
			}
			if p.line > len(lines) || p.col > len(lines[p.line-1]) || p.valueLine > len(lines) || p.valueLine < p.line {
				t.Fatalf("%s at %+v in %q", path, p, text)
			}
			if c := lines[p.line-1][p.col-1]; !bareByte(c) && !strings.ContainsRune("\"'[{", rune(c)) {
				t.Fatalf("%s at %+v, where %q stands, in %q", path, p, c, text)
			}
		})
	})
}

func everyKey(path string, value any, depth int, f func(path string)) {
	if depth > maxNesting/2 {
		return
	}
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			f(join(path, name))
			everyKey(join(path, name), inner, depth+1, f)
		}
	case []map[string]any:
		for i, inner := range v {
			f(index(path, i))
			everyKey(index(path, i), inner, depth+1, f)
		}
	case []any:
		for i, inner := range v {
			if _, table := inner.(map[string]any); table {
				everyKey(index(path, i), inner, depth+1, f)
			}
		}
	}
}

// FuzzLoad: no file makes Load panic, and what it reports lies within the file.
func FuzzLoad(f *testing.F) {
	f.Add("[[jwtTokenConfig]]\njwksURL='https://k'\n[b7a.users.x]\npassword='$env{A}'\n[listenerConfig]\ntrustedProxies=['::/0']\n", "http2.enable", "x")
	f.Add("jwtTokenConfig = [1]\nserver.headerConf = {}\n", "a_prod_endpoint_1", "http://x")
	f.Fuzz(func(t *testing.T, text, name, value string) {
		// No *File key: it would read files that the fuzzer names.
		if strings.Contains(text, "File") || strings.Contains(name, "File") || strings.Contains(text, `\`) {
			return
		}
		c, list := Load(Source{
			File: "f", Data: []byte(text), Overrides: []Override{{name, value}},
			Environ: []string{name + "=" + value, strings.ReplaceAll(name, ".", "_") + "=" + value},
		})
		if c == nil {
			t.Fatal("no configuration")
		}
		lines := strings.Count(text, "\n") + 1
		for _, p := range list {
			if p.Line > lines || p.Col < 0 || p.Col > len(text)+1 || p.Msg == "" {
				t.Errorf("%+v lies outside a file of %d lines", p, lines)
			}
		}
	})
}
