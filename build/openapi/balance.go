package openapi

import (
	"net/url"
	"strings"

	"mgw/runtime/spec"
)

var algorithms = []string{string(spec.RoundRobin), string(spec.LeastRequests)}

const (
	maxWeight = 1000
	// Checks at a shorter interval would be a load of their own.
	leastInterval = 100
)

// readBalance reads what this project adds to an endpoint: weights, algorithm
// and healthCheck.
func (r *reader) readBalance(v value, e *Endpoint) {
	e.Weights = r.readWeights(v.get("weights"), v.get("urls"), e)
	e.Algorithm = r.readAlgorithm(v.get("algorithm"), e)
	e.HealthCheck = r.readHealthCheck(v.get("healthCheck"), e)
}

func (r *reader) readWeights(v, urls value, e *Endpoint) []int {
	if !v.exists() {
		return nil
	}
	if !v.isList() {
		r.want(v, "weights", "a list of whole numbers")
		return nil
	}
	if n := len(v.items()); n != len(urls.items()) {
		r.errorf(v, "weights are for all urls or for none: %d for %d", n, len(urls.items()))
		return nil
	}
	if e.Type != spec.LoadBalance {
		r.warnf(v, "weights have no effect: one url at a time is used")
		return nil
	}
	var weights []int
	for i, item := range v.items() {
		n, ok := item.integer()
		if !ok || n < 1 || n > maxWeight {
			r.want(item, "a weight", "a whole number from 1 to 1000")
			continue
		}
		if i < len(e.URLs) && strings.HasPrefix(e.URLs[i], spec.ServiceRecord) && n != 1 {
			r.errorf(item, "the weight of a srv+ url must be 1: its records have weights of their own")
		}
		weights = append(weights, int(n))
	}
	return weights
}

func (r *reader) readAlgorithm(v value, e *Endpoint) spec.Balance {
	if !v.exists() {
		return ""
	}
	text, _ := v.scalar()
	switch {
	case text != algorithms[0] && text != algorithms[1]:
		r.want(v, "algorithm", "roundRobin or leastRequests").hint(nearest(text, algorithms))
	case e.Type != spec.LoadBalance && !e.discovered():
		r.warnf(v, "algorithm has no effect: one url at a time is used")
	case text == string(spec.LeastRequests):
		return spec.LeastRequests
	}
	return ""
}

// discovered tells endpoints whose targets DNS records name.
func (e *Endpoint) discovered() bool {
	for _, u := range e.URLs {
		if strings.HasPrefix(u, spec.ServiceRecord) {
			return true
		}
	}
	return false
}

func (r *reader) readHealthCheck(v value, e *Endpoint) *spec.HealthCheck {
	known := []string{"path", "intervalInMillis", "timeoutInMillis", "healthyThreshold", "unhealthyThreshold", "statusCodes"}
	if !v.exists() || !r.fields(v, "healthCheck", known) {
		return nil
	}
	path := r.textField(v.get("path"), "path")
	if !v.get("path").exists() {
		r.errorf(v, "healthCheck needs a path")
	} else if path.Given && !isCheckPath(path.Value) {
		r.want(v.get("path"), "path", "a path that starts with a slash")
	}
	h := &spec.HealthCheck{
		Path:           path.Value,
		IntervalMillis: int(r.intField(v.get("intervalInMillis"), "intervalInMillis", leastInterval, 10_000)),
		Healthy:        int(r.intField(v.get("healthyThreshold"), "healthyThreshold", 1, 2)),
		Unhealthy:      int(r.intField(v.get("unhealthyThreshold"), "unhealthyThreshold", 1, 3)),
		StatusCodes:    r.statusCodes(v.get("statusCodes")),
	}
	const standard = 2000
	h.TimeoutMillis = int(r.intField(v.get("timeoutInMillis"), "timeoutInMillis", 1, min(standard, int64(h.IntervalMillis))))
	if h.TimeoutMillis > h.IntervalMillis {
		r.errorf(v.get("timeoutInMillis"), "timeoutInMillis (%d) must not exceed intervalInMillis (%d)", h.TimeoutMillis, h.IntervalMillis)
	}
	for _, raw := range e.URLs {
		scheme, _, _ := strings.Cut(strings.TrimPrefix(raw, spec.ServiceRecord), "://")
		if spec.URLSchemes[scheme].HTTP2 {
			r.errorf(v, "healthCheck asks over HTTP/1.1, which %s:// excludes", scheme)
			break
		}
	}
	return h
}

func isCheckPath(path string) bool {
	u, err := url.ParseRequestURI(path)
	return err == nil && strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && u.Fragment == "" && !strings.ContainsAny(path, "# ")
}
