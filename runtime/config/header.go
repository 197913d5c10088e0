package config

import (
	"slices"
	"strings"
)

// fixedHeaders cannot be overridden: they say where a message ends, where it
// goes, what its body is, or what becomes of its connection.
var fixedHeaders = []string{
	"connection", "content-encoding", "content-length", "date", "expect", "host", "keep-alive", "proxy-connection", "te",
	"trailer", "transfer-encoding", "upgrade",
}

// checkHeaders looks at [server] header and [[server.headerConf]].
func (l *loader) checkHeaders() {
	c := &l.cfg.Server
	if !isFieldValue(c.Header) {
		l.wrong("server.header", "server.header holds a control character")
	}
	var seen []string
	for i, h := range c.Headers {
		path, name := index("server.headerConf", i), strings.ToLower(h.Name)
		switch {
		case h.Name == "":
			l.wrong(path, "%s has no headerName", path)
		case !isToken(h.Name):
			l.wrong(path+".headerName", "%s.headerName: %q is not the name of a header", path, h.Name)
		case slices.Contains(fixedHeaders, name) && !h.Preserve:
			l.wrong(path+".headerName", "%s.headerName: %s cannot be overridden", path, h.Name)
		case slices.Contains(seen, name):
			l.wrong(path+".headerName", "%s.headerName: %s is there twice", path, h.Name)
		case !isFieldValue(h.Override):
			l.wrong(path+".overrideValue", "%s.overrideValue holds a control character", path)
		}
		seen = append(seen, name)
	}
}

// isToken holds for what RFC 9110 section 5.6.2 calls a token.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	})
}

func isFieldValue(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}
