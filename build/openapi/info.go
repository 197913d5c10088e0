package openapi

import (
	"path"
	"strings"
)

// readInfo takes the API's identity. Both names stand in throttle keys and
// events, so what is missing gets a value that stays the same.
func (r *reader) readInfo(api *API) {
	info := r.root.get("info")
	if !info.exists() || !info.isMap() {
		info = r.root
	}
	if title := info.get("title"); !title.blank() {
		api.Title = r.textField(title, "info.title")
	} else {
		base := path.Base(r.root.file)
		api.Title = Text{Value: strings.TrimSuffix(base, path.Ext(base)), Place: info.place()}
		r.warnf(info, "info.title is missing: the API is called %q, after the file", api.Title.Value)
	}
	if version := info.get("version"); !version.blank() {
		api.Version = r.textField(version, "info.version")
	} else {
		api.Version = Text{Value: "1.0.0", Place: info.place()}
		r.warnf(info, "info.version is missing: taken as 1.0.0")
	}
	api.Title.Value = strings.TrimSpace(api.Title.Value)
	api.Version.Value = strings.TrimSpace(api.Version.Value)
}

// readBasePath takes x-wso2-basePath, else the path of the first server
// (contract section 2.2).
func (r *reader) readBasePath(api *API) {
	const example = "x-wso2-basePath: /NAME/{version}"
	at, from := r.root.get("x-wso2-basePath"), "x-wso2-basePath"
	base := Text{}
	if !at.blank() {
		if base = r.textField(at, from); !base.Given {
			return
		}
	} else if base = r.serverBasePath(api); base.Given {
		at, from = r.serversValue(), "the path of the server"
	} else {
		api.BasePath.Place = r.root.place()
		r.warnf(r.root, "has no base path: served at /").hint(example)
		return
	}
	base.Value = strings.ReplaceAll(base.Value, "{version}", api.Version.Value)
	if why := CheckBasePath(base.Value); why != "" {
		r.errorf(at, "%s: %q %s", from, clip(base.Value), why).hint(example)
		return
	}
	base.Value = strings.TrimSuffix(base.Value, "/*")
	base.Value = "/" + strings.Trim(base.Value, "/")
	if base.Value == "/" {
		base.Value = ""
	}
	api.BasePath = base
}

// CheckBasePath says why requests could never reach a base path, "" if they can.
// {version} has to be replaced before.
func CheckBasePath(base string) string {
	base = strings.TrimSuffix(base, "/*")
	switch {
	case strings.ContainsAny(base, "{}"):
		return "has a parameter: only {version} is replaced"
	case strings.ContainsAny(base, "?#*"):
		return "contains one of ? # *"
	case strings.ContainsAny(base, " \\"):
		return "contains a space or backslash"
	}
	for segment := range strings.SplitSeq(strings.Trim(base, "/"), "/") {
		if segment == "." || segment == ".." {
			return "has a dot segment: such requests are refused"
		}
		if segment == "" && strings.Trim(base, "/") != "" {
			return "has an empty segment"
		}
	}
	return ""
}
