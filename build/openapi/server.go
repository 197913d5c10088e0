package openapi

import (
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"mgw/runtime/spec"
)

// serversValue is where the definition says where it is served.
func (r *reader) serversValue() value {
	if !r.swagger2 {
		return r.root.get("servers")
	}
	if host := r.root.get("host"); host.exists() {
		return host
	}
	return r.root.get("basePath")
}

// readServers sorts servers into those that a request can be sent to and those
// that have no host. Where http and https of one address are offered, only
// https is used.
func (r *reader) readServers(servers openapi3.Servers, at value) *Servers {
	if len(servers) == 0 || !at.exists() {
		return nil
	}
	s := &Servers{Place: at.place(), First: resolveServer(servers[0])}
	for _, server := range servers {
		text := resolveServer(server)
		if u := backendURL(text); u != "" {
			s.add(u)
		} else {
			s.Relative = append(s.Relative, clip(text))
		}
	}
	return s
}

func (s *Servers) add(u string) {
	plain := "http" + strings.TrimPrefix(u, "https")
	for i, have := range s.URLs {
		switch have {
		case u, "https" + strings.TrimPrefix(u, "http"):
			return
		case plain:
			s.URLs[i] = u
			return
		}
	}
	s.URLs = append(s.URLs, u)
}

// resolveServer replaces the variables that have a value.
func resolveServer(server *openapi3.Server) string {
	text := server.URL
	for name, v := range server.Variables {
		if v != nil && v.Default != "" {
			text = strings.ReplaceAll(text, "{"+name+"}", v.Default)
		}
	}
	return text
}

// backendURL gives an absolute address without the slash at its end, or "".
func backendURL(text string) string {
	if strings.HasPrefix(text, "//") {
		text = "https:" + text
	}
	if CheckURL(text) != "" {
		return ""
	}
	return strings.TrimRight(text, "/")
}

func backendScheme(scheme string) bool {
	_, known := spec.URLSchemes[scheme]
	return known
}

// CheckURL says why a text is no address of a backend, "" if it is one.
func CheckURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case strings.ContainsAny(text, "{}"):
		return "has a variable without a value"
	case err != nil || strings.ContainsFunc(text, isControl) || strings.Contains(text, " "):
		return "is not a URL"
	case !backendScheme(u.Scheme):
		return "must start with http:// or https:// (for HTTP/2 without TLS and gRPC: h2c://, grpc:// or grpcs://)"
	case u.Host == "" || u.Hostname() == "":
		return "has no host"
	case u.User != nil:
		return "holds a credential: use securityConfig"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "has a query or fragment"
	}
	return ""
}

// serverBasePath gives the path of the first server.
func (r *reader) serverBasePath(api *API) Text {
	path, at := "", r.serversValue()
	if r.swagger2 {
		at = r.root.get("basePath")
		path, _ = at.scalar()
	} else if api.Servers != nil {
		path = pathOf(api.Servers.First)
	}
	if strings.Trim(path, "/") == "" {
		return Text{}
	}
	return Text{path, true, at.place()}
}

// pathOf cuts the path out of a URL as it is written.
func pathOf(text string) string {
	if _, rest, ok := strings.Cut(text, "//"); ok {
		_, text, _ = strings.Cut(rest, "/")
		text = "/" + text
	}
	text, _, _ = strings.Cut(text, "#")
	text, _, _ = strings.Cut(text, "?")
	return text
}
