package plan

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"unicode"

	"mgw/build/openapi"
)

// checkNames reports APIs of the same name and version: they would share
// throttle keys. It adds their indexes to reported.
func (m *maker) checkNames(apis []openapi.API, reported map[int]bool) {
	first := map[[2]string]openapi.Place{}
	for i := range apis {
		id := [2]string{apis[i].Title.Value, apis[i].Version.Value}
		if before, twice := first[id]; twice {
			m.errorf(apis[i].Title.Place, "info.title and info.version together name an API: change one of them",
				"API %q version %q is already at %s", id[0], id[1], at(before))
			reported[i] = true
			continue
		}
		first[id] = apis[i].Title.Place
	}
}

// serviceName is what events call apiName (contract section 2.1).
func serviceName(title, version string) string {
	var b strings.Builder
	if title != "" && title[0] >= '0' && title[0] <= '9' {
		b.WriteByte('_')
	}
	for _, c := range title {
		switch {
		case c == '{' || c == '}' || c == '/':
			b.WriteByte('_')
		case c == '-':
			b.WriteString("_hyphen_")
		case c == '.':
			b.WriteString("_dot_")
		case unicode.IsSpace(c):
			b.WriteString("_space_")
		case c == '*':
			b.WriteString(stableID(title))
		default:
			b.WriteRune(c)
		}
	}
	return b.String() + "__" + versionName(version)
}

// stableID stands where the contract has a random UUID: builds of the same
// input have to be the same.
func stableID(s string) string {
	sum := sha256.Sum256([]byte(s))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// versionName replaces each run of what is neither letter nor digit by _.
func versionName(version string) string {
	var b strings.Builder
	inRun := false
	for _, c := range version {
		alnum := c < unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsDigit(c))
		if alnum {
			b.WriteRune(c)
		} else if !inRun {
			b.WriteByte('_')
		}
		inRun = !alnum
	}
	return b.String()
}

// keyPath rewrites a template as it stands in throttle keys (contract section
// 2.6): hyphens in parameter names, and segments like abc.{var}.
func keyPath(template string) string {
	segments := strings.Split(template, "/")
	for i, s := range segments {
		if open := strings.IndexByte(s, '{'); open > 0 && s[open-1] == '.' && strings.IndexByte(s, '}') == len(s)-1 {
			s = s[open:]
		}
		if len(s) > 2 && s[0] == '{' && strings.IndexByte(s, '}') == len(s)-1 {
			s = strings.ReplaceAll(s, "-", "_hyphen_")
		}
		segments[i] = s
	}
	return strings.Join(segments, "/")
}
