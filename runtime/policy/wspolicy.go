package policy

import (
	"cmp"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

// assertions are the elements that hold a throttle policy.
var assertions = []string{
	"MediatorThrottleAssertion", "ServiceThrottleAssertion", "OperationThrottleAssertion", "ModuleThrottleAssertion",
}

// xml reads a WS-Policy document. The policy is named after the file.
func (r *reader) xml() {
	name := strings.TrimSuffix(path.Base(r.file.Name), path.Ext(r.file.Name))
	if msg := nameProblem(name); msg != "" {
		r.list.Errorf(r.file.Name, 0, 0, "%s", msg)
		return
	}
	root := r.root()
	if root == nil {
		return
	}
	if !root.isGroup() {
		r.at(root, "the root must be Policy of the name space %s, not %s", policySpace, quoteIfOdd(root.name.Local))
		return
	}
	if file, twice := r.ipPolicy(name); twice {
		r.at(root, "the IP policy %s is defined in %s already", quoteIfOdd(name), cmp.Or(file, "policies.yaml"))
		return
	}
	assertion := r.assertion(root)
	if assertion == nil {
		return
	}
	p := spec.IPPolicy{Name: name, File: r.file.Name}
	r.assertionBody(assertion, &p)
	r.policies.IP = append(r.policies.IP, p)
}

// assertion finds the one that a document must have.
func (r *reader) assertion(root *element) *element {
	var found *element
	for _, e := range flatten(root) {
		switch {
		case e.name.Space != throttleSpace || !slices.Contains(assertions, e.name.Local):
			r.list.Add(diag.Problem{
				File: r.file.Name, Line: e.line, Col: e.col, Hint: diag.DidYouMean(e.name.Local, assertions),
				Msg: "expected a throttle assertion, not " + quoteIfOdd(e.name.Local),
			})
			return nil
		case found != nil:
			r.at(e, "the document has a throttle assertion already")
			return nil
		}
		found = e
	}
	if found == nil {
		r.at(root, "the document has no throttle assertion such as %s", assertions[0])
	}
	return found
}

func (r *reader) assertionBody(assertion *element, p *spec.IPPolicy) {
	seen := map[string]bool{}
	var direct []*element
	for _, e := range assertion.children {
		if !e.isGroup() {
			direct = append(direct, e)
			continue
		}
		for _, group := range ruleGroups(e) {
			rule, ok := r.xmlRule(group)
			id := ruleID(rule)
			if ok && seen[id] {
				r.at(group, "%s has a rule already", id)
			} else if ok {
				seen[id] = true
				p.Rules = append(p.Rules, rule)
			}
		}
	}
	const concurrent = "MaximumConcurrentAccess"
	if e := r.parts(assertion, direct, concurrent)[concurrent]; e != nil {
		n, _ := r.integer(e, math.MaxInt32)
		p.MaxConcurrent = int(n)
	}
	if len(assertion.children) == 0 {
		r.at(assertion, "%s limits nothing", assertion.name.Local)
	}
	mostSpecificFirst(p.Rules)
}

// ruleGroups gives the groups that hold an ID: the group itself, or those in
// an All or ExactlyOne around them.
func ruleGroups(e *element) []*element {
	for _, c := range e.children {
		if !c.isGroup() {
			return []*element{e}
		}
	}
	var all []*element
	for _, c := range e.children {
		all = append(all, ruleGroups(c)...)
	}
	if len(all) == 0 {
		return []*element{e}
	}
	return all
}

// mostSpecificFirst orders rules as WSO2 looks them up: what names the caller
// exactly, then ranges, then everybody else.
func mostSpecificFirst(rules []spec.IPRule) {
	rank := func(rule spec.IPRule) int {
		switch {
		case rule.Other:
			return 2
		case rule.Kind == spec.RuleIP && rule.First != rule.Last:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(rules, func(a, b spec.IPRule) int { return cmp.Compare(rank(a), rank(b)) })
}

func (r *reader) xmlRule(group *element) (rule spec.IPRule, ok bool) {
	parts := r.parts(group, flatten(group), "ID", "Control", "Allow", "Deny")
	id := parts["ID"]
	if id == nil {
		r.at(group, "the rule has no ID")
		return rule, false
	}
	ok = r.xmlSubject(id, &rule)
	control, allow, deny := parts["Control"], parts["Allow"], parts["Deny"]
	switch {
	case allow != nil && deny != nil, control != nil && (allow != nil || deny != nil):
		r.at(group, "the rule has more than one of Control, Allow and Deny")
		return rule, false
	case control != nil:
		return rule, r.control(control, &rule) && ok
	case allow == nil && deny == nil:
		// Named, and not limited: only MaximumConcurrentAccess counts.
		rule.Quota = spec.Quota{Unlimited: true}
	}
	rule.Allow, rule.Deny = allow != nil, deny != nil
	return rule, ok
}

// xmlSubject reads whom a rule is for.
func (r *reader) xmlSubject(id *element, rule *spec.IPRule) bool {
	kinds := map[string]spec.RuleKind{"IP": spec.RuleIP, "ROLE": spec.RuleRole, "DOMAIN": spec.RuleDomain}
	for _, a := range id.attrs {
		if a.Name.Local != "type" || a.Name.Space != throttleSpace && a.Name.Space != "" {
			continue
		}
		kind, known := kinds[strings.ToUpper(strings.TrimSpace(a.Value))]
		if !known {
			r.at(id, "the type of an ID must be IP, ROLE or DOMAIN, not %s", quoteIfOdd(a.Value))
			return false
		}
		if err := subject(rule, kind, string(id.text)); err != nil {
			r.at(id, "%v", err)
			return false
		}
		return true
	}
	r.at(id, "the ID has no type: IP, ROLE or DOMAIN")
	return false
}

// control reads how much a caller may do. Times are in milliseconds.
func (r *reader) control(e *element, rule *spec.IPRule) bool {
	parts := r.parts(e, flatten(e), "MaximumCount", "UnitTime", "ProhibitTimePeriod")
	ok := true
	for _, name := range []string{"MaximumCount", "UnitTime"} {
		if parts[name] == nil {
			r.at(e, "Control has no %s", name)
			ok = false
		}
	}
	if !ok {
		return false
	}
	const most = int64(longest / time.Millisecond)
	count, countOK := r.integer(parts["MaximumCount"], math.MaxInt64)
	unit, unitOK := r.integer(parts["UnitTime"], most)
	rule.Quota = spec.Quota{Count: count, Window: time.Duration(unit) * time.Millisecond, Algorithm: spec.FixedWindow}
	if p := parts["ProhibitTimePeriod"]; p != nil && strings.TrimSpace(string(p.text)) != "0" {
		var prohibit int64
		prohibit, ok = r.integer(p, most)
		rule.Prohibit = time.Duration(prohibit) * time.Millisecond
	}
	return countOK && unitOK && ok
}

// integer reads a whole number from 1 on.
func (r *reader) integer(e *element, most int64) (int64, bool) {
	text := strings.TrimSpace(string(e.text))
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil && !strings.Contains(err.Error(), "range"):
		r.at(e, "%s must be a whole number, not %s", e.name.Local, quoteIfOdd(text))
	case err != nil || n > most:
		r.at(e, "%s is too large: %s", e.name.Local, quoteIfOdd(text))
	case n < 1:
		r.at(e, "%s must be 1 or more, not %d", e.name.Local, n)
	default:
		return n, true
	}
	return 0, false
}
