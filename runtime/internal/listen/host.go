package listen

import (
	"net/url"
	"strconv"
	"strings"
)

// validHost checks uri-host [ ":" port ] (RFC 9110 section 7.2), which net/http
// leaves to its handlers.
func validHost(host string) bool {
	u, err := url.Parse("http://" + host)
	if err != nil || u.Host != host || u.Path != "" || u.User != nil {
		return false
	}
	name, literal := u.Hostname(), strings.HasPrefix(host, "[")
	if name == "" || !literal && strings.Contains(name, ":") || literal && strings.Contains(name, "%") {
		return false
	}
	port := u.Port()
	n, err := strconv.Atoi(port)
	return port == "" || err == nil && n <= 65535
}
