package policy

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

// ipPolicies reads lists of rules for callers:
//
//	ipPolicies:
//	  - office:
//	      maxConcurrent: 100
//	      rules:
//	        - {ip: 10.1.1.1, count: 1, unitTime: 1, timeUnit: min}
//	        - {ip: 10.0.0.0/8, allow: true}       # or deny: true
//	        - {role: partner, count: 9, unitTime: 1, timeUnit: sec}
//	        - {ip: other, count: 2, unitTime: 1, timeUnit: min, prohibit: 30s}
func (r *reader) ipPolicies(list *yaml.Node) {
	for _, e := range r.entries(list, "IP") {
		if file, twice := r.ipPolicy(e.name); twice {
			r.errorf(e.key, "the IP policy %s is defined in %s already", quoteIfOdd(e.name), file)
			continue
		}
		if e.body == nil {
			r.errorf(e.key, "the policy %s has neither rules nor maxConcurrent", quoteIfOdd(e.name))
			continue
		}
		if f := r.fields(e.body, "the policy "+quoteIfOdd(e.name)); f != nil {
			r.policies.IP = append(r.policies.IP, r.ipPolicyBody(e.name, f))
		}
	}
}

func (r *reader) ipPolicyBody(name string, f *fields) spec.IPPolicy {
	p := spec.IPPolicy{Name: name, MaxConcurrent: f.concurrency("maxConcurrent")}
	if rules := f.take("rules"); rules != nil {
		seen := map[string]bool{}
		for _, item := range r.sequence(rules, "rules") {
			g := r.fields(item, "a rule")
			if g == nil {
				continue
			}
			rule, ok := r.rule(g)
			if id := ruleID(rule); ok && seen[id] {
				r.errorf(item, "%s has a rule already", id)
			} else if ok {
				seen[id] = true
				p.Rules = append(p.Rules, rule)
			}
		}
	} else if !f.has("maxConcurrent") {
		r.errorf(f.node, "%s has neither rules nor maxConcurrent", f.what)
	}
	f.end()
	othersLast(p.Rules)
	return p
}

// othersLast moves the rules for everybody else behind those that name
// somebody.
func othersLast(rules []spec.IPRule) {
	slices.SortStableFunc(rules, func(a, b spec.IPRule) int { return cmp.Compare(btoi(a.Other), btoi(b.Other)) })
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ruleID names whom a rule is for.
func ruleID(rule spec.IPRule) string {
	switch {
	case rule.Other:
		return string(rule.Kind) + " other"
	case rule.Kind != spec.RuleIP:
		return string(rule.Kind) + " " + quoteIfOdd(rule.Value)
	case rule.First == rule.Last:
		return rule.First
	}
	return rule.First + "-" + rule.Last
}

func (r *reader) rule(f *fields) (rule spec.IPRule, ok bool) {
	subjects := 0
	for _, kind := range []spec.RuleKind{spec.RuleIP, spec.RuleRole, spec.RuleDomain} {
		value, n := f.text(string(kind))
		if n == nil {
			continue
		}
		if subjects++; subjects > 1 {
			r.errorf(n, "a rule is for one of ip, role and domain")
			continue
		}
		if err := subject(&rule, kind, value); err != nil {
			r.errorf(n, "%v", err)
			continue
		}
		ok = true
	}
	if subjects == 0 {
		r.errorf(f.node, "a rule needs ip, role or domain")
	}
	r.ruleLimit(f, &rule)
	f.end()
	return rule, ok
}

// ruleLimit reads what a rule does to whom it is for.
func (r *reader) ruleLimit(f *fields, rule *spec.IPRule) {
	var amount bool
	rule.Quota, amount = f.quota()
	rule.Allow, rule.Deny = f.flag("allow", false), f.flag("deny", false)
	rule.Prohibit = f.prohibit()
	switch n := btoi(amount) + btoi(rule.Allow) + btoi(rule.Deny); {
	case n == 0:
		r.errorf(f.node, "a rule needs count, allow: true or deny: true")
	case n > 1:
		r.errorf(f.node, "a rule has one of count, allow and deny")
	case rule.Prohibit > 0 && !amount:
		r.errorf(f.values["prohibit"].key, "prohibit is without count")
	case rule.Prohibit > 0 && rule.Algorithm != spec.FixedWindow:
		r.errorf(f.values["prohibit"].key, "prohibit goes with algorithm fixedWindow only")
	}
	if rule.Allow || rule.Deny {
		rule.Quota = spec.Quota{}
	}
}

func (f *fields) prohibit() time.Duration {
	s, n := f.text("prohibit")
	if n == nil {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > longest {
		f.r.errorf(n, "prohibit must be a duration such as 30s, not %s", kindOf(n))
		return 0
	}
	return d
}

// subject fills in whom a rule is for.
func subject(rule *spec.IPRule, kind spec.RuleKind, value string) error {
	rule.Kind = kind
	value = strings.TrimSpace(value)
	switch {
	case strings.EqualFold(value, "other"):
		rule.Other = true
	case kind == spec.RuleIP:
		var err error
		rule.First, rule.Last, err = addressRange(value)
		return err
	default:
		if msg := nameProblem(value); msg != "" {
			return fmt.Errorf("%s is not a %s", quoteIfOdd(value), kind)
		}
		rule.Value = value
	}
	return nil
}

// placeholders are what a key template may name (contract 4.9);
// customProperty takes a name of its own.
var placeholders = []string{
	"$resourceKey", "$userId", "$apiContext", "$apiVersion", "$appTenant", "$apiTenant", "$appId", "$clientIp",
	"$customProperty.NAME",
}

// placeholder is a dollar sign and letters; what follows the letters is text
// again. A dollar sign alone is found too: it is always a mistake.
var placeholder = regexp.MustCompile(`\$(?:customProperty\.[\w-]+|[A-Za-z]*)`)

// maxCustom bounds the custom policies: each request meets all of them, and
// what one request meets is charged in one step.
const maxCustom = 48

// customPolicies reads limits on keys of the user's making.
func (r *reader) customPolicies(list *yaml.Node) {
	for i, e := range r.entries(list, "Custom") {
		if i == maxCustom {
			r.errorf(e.key, "there are more than %d custom policies", maxCustom)
			return
		}
		what := "the policy " + quoteIfOdd(e.name)
		if e.body == nil {
			r.errorf(e.key, "%s has no keyTemplate", what)
			continue
		}
		f := r.fields(e.body, what)
		if f == nil {
			continue
		}
		p := spec.CustomPolicy{Name: e.name, KeyTemplate: r.keyTemplate(f)}
		var given bool
		if p.Quota, given = f.quota(); !given {
			r.errorf(e.body, "%s has no count", what)
		}
		f.end()
		r.policies.Custom = append(r.policies.Custom, p)
	}
}

func (r *reader) keyTemplate(f *fields) string {
	template, n := f.text("keyTemplate")
	switch {
	case n == nil:
		r.errorf(f.node, "%s has no keyTemplate", f.what)
	case template == "" || len(template) > maxPattern:
		r.errorf(n, "keyTemplate must be text of 1 to %d characters", maxPattern)
	}
	for _, found := range placeholder.FindAllString(template, -1) {
		if strings.HasPrefix(found, "$customProperty.") || slices.Contains(placeholders, found) {
			continue
		}
		r.problem(n, diag.Error, diag.DidYouMean(found, placeholders),
			fmt.Sprintf("keyTemplate has the unknown placeholder %s", found))
	}
	return template
}
