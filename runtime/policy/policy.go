// Package policy reads throttling tiers: policies.yaml and the WS-Policy
// documents in policies/*.xml become spec.Policies.
//
// policies.yaml has five optional lists, each a name space of its own, of maps
// with one key, the name (contract section 3.1):
//
//	resourcePolicies, applicationPolicies, subscriptionPolicies:
//	  - Gold: {count: 20, unitTime: 1, timeUnit: min}    # or bytes: 10MB for count
//	      stopOnQuota, algorithm; rateLimit, permissions (subscription);
//	      maxConcurrent, conditions (resource)
//	ipPolicies:
//	  - office: {maxConcurrent: 100, rules: [{ip: 10.0.0.0/8, count: ...}, ...]}
//	customPolicies:
//	  - perUser: {keyTemplate: "$userId:$apiContext", count: ...}
//
// Every mistake is reported with its place. The package knows nothing of where
// the tiers are used, opens no file and resolves no external entity.
package policy

import (
	"path"
	"strings"
	"unicode"

	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

// File is one file of a project; Name is relative to the project and with
// forward slashes.
type File struct {
	Name string
	Data []byte
}

// maxFile bounds a policy file: 50,000 tiers fit.
const maxFile = 4 << 20

// Parse reads policy files. With an error in the list the policies are
// incomplete.
func Parse(files []File) (spec.Policies, diag.List) {
	var all spec.Policies
	var list diag.List
	for _, f := range files {
		r := &reader{file: f, list: &list, policies: &all, budget: maxNodes}
		switch {
		case len(f.Data) > maxFile:
			r.list.Errorf(f.Name, 0, 0, "the file is larger than %d bytes", maxFile)
		case strings.EqualFold(path.Ext(f.Name), ".xml"):
			r.xml()
		default:
			r.yaml()
		}
	}
	list.Sort()
	return all, list
}

// reader reads one file.
type reader struct {
	file     File
	list     *diag.List
	policies *spec.Policies
	budget   int // nodes that may still be looked at
	lines    []string
}

// maxName bounds what becomes a key, a header and a log entry.
const maxName = 200

// nameProblem tells what is wrong with a policy's name, "" for nothing.
func nameProblem(name string) string {
	switch {
	case name == "":
		return "a policy needs a name"
	case len(name) > maxName:
		return "the name of a policy is too long"
	case name != strings.TrimSpace(name):
		return "the name of a policy starts or ends with a space"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "the name of a policy has a control character"
	}
	return ""
}

// ipPolicy tells whether an IP policy of that name was read, and from where.
func (r *reader) ipPolicy(name string) (file string, found bool) {
	for _, p := range r.policies.IP {
		if p.Name == name {
			return p.File, true
		}
	}
	return "", false
}
