package openapi

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"mgw/runtime/spec"
)

const referencePrefix = "#/x-wso2-endpoints/"

// endpointFields are those of contract section 2.3 and this project's own.
var endpointFields = []string{"urls", "type", "securityConfig", "advanceEndpointConfig", "weights", "algorithm", "healthCheck"}

var endpointTypes = []string{"http", "load_balance", "failover", "address"}

// readNamedEndpoints reads x-wso2-endpoints: a list of mappings with one key,
// the endpoint's name.
func (r *reader) readNamedEndpoints() map[string]Endpoint {
	v := r.root.get("x-wso2-endpoints")
	named := map[string]Endpoint{}
	if v.exists() && !v.isList() {
		r.want(v, "x-wso2-endpoints", `a list of "- NAME: {urls: [...]}"`)
	}
	first := map[string]value{}
	for _, item := range v.items() {
		pairs := item.pairs()
		if len(pairs) != 1 {
			r.want(item, "an item of x-wso2-endpoints", "a mapping with one key, the endpoint's name")
			continue
		}
		p := pairs[0]
		if before, twice := first[p.name]; twice {
			r.errorf(p.key, "endpoint %q is already at line %d, column %d", clip(p.name), before.node.Line, before.node.Column)
			continue
		}
		first[p.name] = p.key
		if e := r.readEndpoint(p.value, "endpoint "+clip(p.name)); e != nil {
			e.Name = p.name
			named[p.name] = *e
		} else {
			named[p.name] = Endpoint{} // reported; those who refer to it are not wrong
		}
	}
	return named
}

// readEndpoints reads x-wso2-production-endpoints or x-wso2-sandbox-endpoints:
// an endpoint, or the name of one.
func (r *reader) readEndpoints(v value, extension string) *Endpoint {
	at := v.get(extension)
	if !at.exists() {
		return nil
	}
	if ref, ok := at.text(); ok {
		return r.namedEndpoint(at, extension, ref)
	}
	e := r.readEndpoint(at, extension)
	if e == nil {
		return &Endpoint{Place: at.place()} // reported: not to be reported as missing too
	}
	e.Place = at.place()
	return e
}

func (r *reader) namedEndpoint(at value, extension, ref string) *Endpoint {
	found := Endpoint{Place: at.place()}
	name, ok := strings.CutPrefix(ref, referencePrefix)
	if !ok {
		h := r.errorf(at, "%s must be a mapping with urls, or %sNAME, not %q", extension, referencePrefix, clip(ref))
		if CheckURL(ref) == "" {
			h.hint("write " + extension + ": {urls: [" + ref + "]}")
		}
		return &found
	}
	e, ok := r.endpoints[name]
	if !ok {
		r.errorf(at, "%s: x-wso2-endpoints has no endpoint %q", extension, clip(name)).hint(nearest(name, sortedKeys(r.endpoints)))
		return &found
	}
	found.Endpoint = e.Endpoint
	return &found
}

func (r *reader) readEndpoint(v value, name string) *Endpoint {
	if !r.fields(v, name, endpointFields) && !v.isMap() {
		return nil
	}
	before := r.problems.Errors()
	e := &Endpoint{Place: v.place()}
	e.URLs = r.readURLs(v, name)
	e.Type = r.readEndpointType(v.get("type"), e.URLs)
	if e.Type == spec.HTTP && len(e.URLs) > 1 {
		r.warnf(v.get("type"), "type http uses only the first of %d urls", len(e.URLs)).hint("type: load_balance or failover use all")
		e.URLs = e.URLs[:1]
	}
	e.Security = r.readEndpointSecurity(v.get("securityConfig"))
	e.Advanced = r.readAdvanced(v.get("advanceEndpointConfig"))
	r.readBalance(v, e)
	if r.problems.Errors() > before || len(e.URLs) == 0 {
		return nil
	}
	return e
}

func (r *reader) readURLs(v value, name string) []string {
	at := v.get("urls")
	if !at.exists() {
		r.errorf(v, "%s has no urls", name)
		return nil
	}
	if !at.isList() || len(at.items()) == 0 {
		r.want(at, "urls", "a list of at least one URL")
		return nil
	}
	var urls []string
	for _, item := range at.items() {
		text, ok := item.text()
		if !ok {
			r.want(item, "a URL", "a word")
			continue
		}
		text = strings.TrimSpace(text)
		if strings.HasPrefix(text, "etcd(") {
			r.errorf(item, "etcd is not supported: write the URL itself, or srv+http://NAME for the SRV records of a name").private()
			continue
		}
		if why := checkEndpointURL(text); why != "" {
			problem := r.errorf(item, "url %s %s", redacted(text), why)
			if strings.Contains(text, "@") {
				problem.private()
			}
			continue
		}
		urls = append(urls, strings.TrimRight(text, "/"))
	}
	return urls
}

// checkEndpointURL is CheckURL for what may also stand for the SRV records of
// a name.
func checkEndpointURL(text string) string {
	plain, isService := strings.CutPrefix(text, spec.ServiceRecord)
	why := CheckURL(plain)
	if u, err := url.Parse(plain); why == "" && isService && (err != nil || u.Port() != "" || isAddress(u.Hostname())) {
		return "must name SRV records, which have the hosts and ports"
	}
	return why
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// redacted quotes a URL without the credential in it.
func redacted(text string) string {
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		scheme, _, ok := strings.Cut(text, "://")
		if !ok || i < len(scheme) {
			scheme = "..."
		}
		text = scheme + "://***" + text[i:]
	}
	return `"` + clip(text) + `"`
}

// readEndpointType follows contract section 2.3.
func (r *reader) readEndpointType(v value, urls []string) spec.EndpointType {
	t, ok := v.scalar()
	if v.exists() && (!ok || !slices.Contains(endpointTypes, t)) {
		r.want(v, "type", "one of http, load_balance, failover").hint(nearest(t, endpointTypes[:3]))
	}
	switch {
	case len(urls) <= 1 || t == "http":
		return spec.HTTP
	case t == "failover":
		return spec.Failover
	}
	return spec.LoadBalance
}

// readEndpointSecurity reads securityConfig. Its lines are never shown: a
// password may stand there, under a mistyped name too.
func (r *reader) readEndpointSecurity(v value) *spec.EndpointSecurity {
	if !v.exists() {
		return nil
	}
	before := len(r.problems)
	security := r.endpointCredential(v)
	for i := range r.problems[before:] {
		r.problems[before+i].Private = true
	}
	return security
}

func (r *reader) endpointCredential(v value) *spec.EndpointSecurity {
	if v.get("password").exists() {
		r.warnf(v.keyOf("password"), "a password in a definition is ignored: it comes from the environment at start")
	}
	if !r.fields(v, "securityConfig", []string{"type", "username", "password"}) {
		return nil
	}
	if t := v.get("type"); !t.exists() {
		r.errorf(v, "securityConfig needs type: basic")
	} else if text, _ := t.scalar(); !strings.EqualFold(text, "basic") {
		r.errorf(t, "securityConfig needs type: basic")
	}
	user := r.textField(v.get("username"), "username")
	if !user.Given && !v.get("username").exists() {
		r.errorf(v, "securityConfig needs a username")
	}
	return &spec.EndpointSecurity{Type: "basic", Username: user.Value}
}
