package scaffold

import (
	"maps"
	"testing"
)

// Whatever a manifest holds, reading is harmless, and what was read is written
// so that it reads the same.
func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(digest(nil) + "  a/b\n" + digest([]byte("x")) + "  c\r\nnonsense\n"))
	f.Add([]byte(digest(nil) + "    spaces  \n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m := parseManifest(text)
		if again := parseManifest(m.file().data); !maps.Equal(m, again) {
			t.Errorf("%q: %q then %q", text, m, again)
		}
	})
}
