package openapi

import (
	"net/url"
	"strings"
)

// cutTemplate cuts a key of `paths` where its path ends: at a query, a
// fragment, or a URI template's expression for one (RFC 6570 sections 3.2.4,
// 3.2.8 and 3.2.9).
func cutTemplate(key string) (path, rest string) {
	inside := false
	for i := range len(key) {
		switch key[i] {
		case '{':
			if expression(key[i:]) {
				return key[:i], key[i:]
			}
			inside = true
		case '}':
			inside = false
		case '?', '#':
			if !inside {
				return key[:i], key[i:]
			}
		}
	}
	return key, ""
}

// expression holds for {?x}, {&x} and {#x}, which requests may go without.
func expression(text string) bool {
	return len(text) > 1 && text[0] == '{' && strings.IndexByte("?&#", text[1]) >= 0
}

// queryCondition gives "?a=1&b={b}", where a has that value and b any, as
// spec.Operation has it. What follows the query is given back.
func (r *reader) queryCondition(key value, text string) (rest, condition string) {
	end := len(text)
	for i := range text {
		if text[i] == '#' || expression(text[i:]) {
			end = i
			break
		}
	}
	asked := map[string]string{}
	for part := range strings.SplitSeq(text[1:end], "&") {
		name, value, _ := strings.Cut(part, "=")
		if name == "" || strings.ContainsAny(name, "{}") {
			continue // ?{name}: nothing that a request must have
		}
		if name = formEncoded(name); asked[name] != "" {
			r.warnOnce("query twice", key, "the query asks for %q twice: only the first counts", clip(name))
			continue
		}
		asked[name] = name
		if value != "" && !strings.ContainsAny(value, "{}") {
			asked[name] += "=" + formEncoded(value)
		}
	}
	for i, name := range sortedKeys(asked) {
		condition += "?&"[min(i, 1):][:1] + asked[name]
	}
	return text[end:], condition
}

// formEncoded gives text in one form, whether it was encoded or not.
func formEncoded(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		text = plain
	}
	return url.QueryEscape(text)
}
