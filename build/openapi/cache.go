package openapi

import "mgw/runtime/spec"

// readResponseCache reads x-wso2-response-cache; nil is no cache.
func (r *reader) readResponseCache(v value) *spec.ResponseCache {
	if !v.exists() {
		return nil
	}
	if ok := r.fields(v, "x-wso2-response-cache", []string{"enabled", "cacheTimeoutInSeconds"}); ok && !v.get("enabled").exists() {
		r.warnf(v, "x-wso2-response-cache is off").hint("enabled: true switches it on")
	}
	on := r.flagField(v.get("enabled"), "enabled")
	lifetime := r.intField(v.get("cacheTimeoutInSeconds"), "cacheTimeoutInSeconds", 0, 0)
	if !on.Value {
		return nil
	}
	return &spec.ResponseCache{FallbackSeconds: int(lifetime)}
}
