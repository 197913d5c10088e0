package gateway

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mgw/runtime/diag"
	"mgw/runtime/policy"
	"mgw/runtime/spec"
)

// readPolicies puts the policies of throttlingConfig.policiesFile in place of
// those that were built in.
func (g *generation) readPolicies() error {
	t := g.options.Config.Throttling
	if t.PoliciesFile == "" {
		return nil
	}
	files, err := openPolicies(t.PoliciesFile)
	if err != nil {
		return fmt.Errorf("throttlingConfig.policiesFile: %w", err)
	}
	g.options.Spec.Policies, g.problems = policy.Parse(files)
	if err := g.problems.Err(); err != nil {
		return err
	}
	u := unnamed{file: t.PoliciesFile, severity: diag.Error, problems: &g.problems}
	if t.Manager.Enabled { // it may know the tier
		u.severity = diag.Warning
	}
	u.check(g.options.Spec)
	return g.problems.Err()
}

// openPolicies reads a file of tiers, or those of a folder.
func openPolicies(name string) ([]policy.File, error) {
	names := []string{name}
	if info, err := os.Stat(name); err != nil {
		return nil, err
	} else if info.IsDir() {
		if names, err = policyFiles(name); err != nil {
			return nil, err
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("%s holds no .yaml, .yml or .xml file", name)
		}
	}
	var files []policy.File
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, policy.File{Name: name, Data: data})
	}
	return files, nil
}

// policyFiles lists the files of a folder that hold policies, those with lists
// of tiers first.
func policyFiles(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var lists, documents []string
	for _, e := range entries {
		name := filepath.Join(folder, e.Name())
		if strings.HasPrefix(e.Name(), ".") || !regular(e, name) {
			continue
		}
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".yaml", ".yml":
			lists = append(lists, name)
		case ".xml":
			documents = append(documents, name)
		}
	}
	return append(lists, documents...), nil
}

// regular tells files, and links to them, as Kubernetes makes them.
func regular(e fs.DirEntry, name string) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.Type().IsRegular()
	}
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// unnamed reports policies that definitions name and that are not there.
type unnamed struct {
	file     string
	severity diag.Severity
	problems *diag.List
	told     map[string]bool
}

func (u *unnamed) check(g *spec.Gateway) {
	u.told = map[string]bool{}
	tiers := func(list []spec.Tier) []string {
		var names []string
		for _, t := range list {
			names = append(names, t.Name)
		}
		return names
	}
	resource, subscription := append(tiers(g.Policies.Resource), spec.TierUnlimited), tiers(g.Policies.Subscription)
	var addresses []string
	for _, p := range g.Policies.IP {
		addresses = append(addresses, p.Name)
	}
	for i := range g.APIs {
		api := &g.APIs[i]
		who := "the API " + api.Name + " " + api.Version
		u.want("resourcePolicies", api.Tier, resource, who)
		u.mustHave("ipPolicies", api.ThrottlePolicy, addresses, who)
		for j := range api.Operations {
			op := &api.Operations[j]
			who := op.Method + " " + api.BasePath + op.Path
			u.want("resourcePolicies", op.Tier, resource, who)
			u.mustHave("ipPolicies", op.ThrottlePolicy, addresses, who)
			if op.Security.Disabled {
				u.want("subscriptionPolicies", spec.TierUnauthenticated, subscription, who)
			}
		}
	}
}

// mustHave is want of what a traffic manager does not know either.
func (u *unnamed) mustHave(list, name string, names []string, who string) {
	strict := *u
	strict.severity = diag.Error
	strict.want(list, name, names, who)
}

func (u *unnamed) want(list, name string, names []string, who string) {
	if name == "" || slices.Contains(names, name) || u.told[list+name] {
		return
	}
	u.told[list+name] = true
	u.problems.Add(diag.Problem{
		File: u.file, Severity: u.severity, Hint: diag.DidYouMean(name, names),
		Msg: fmt.Sprintf("%s has no %q, which %s needs", list, name, who),
	})
}
