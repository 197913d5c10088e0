package scaffold

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// manifestFile holds the digest of each file as it was written, in the form of
// sha256sum. Digests and not the templates' text tell edited files from
// unedited ones, because the templates of a later mgw differ. Without the
// manifest every file that is not as it would be written counts as edited.
const manifestFile = ".mgw-init"

type manifest map[string]string // path -> SHA-256 in hex

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// parseManifest passes over lines that it does not understand: what they named
// counts as edited.
func parseManifest(text []byte) manifest {
	m := manifest{}
	for line := range strings.Lines(string(text)) {
		sum, path, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "  ")
		if ok && len(sum) == hex.EncodedLen(sha256.Size) {
			m[path] = sum
		}
	}
	return m
}

func (m manifest) file() file {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%s  %s\n", m[path], path)
	}
	return file{manifestFile, []byte(b.String()), 0o644}
}

// record notes files as written; of secrets not even a digest is kept.
func (m manifest) record(files []file) {
	for _, f := range files {
		if f.mode.Perm() != 0o600 {
			m[f.path] = digest(f.data)
		}
	}
}
