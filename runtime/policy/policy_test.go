package policy

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

func parse(text string) (spec.Policies, diag.List) {
	return Parse([]File{{"policies.yaml", []byte(text)}})
}

func shown(list diag.List) string {
	var lines []string
	for _, p := range list {
		s := strings.TrimPrefix(strings.TrimPrefix(p.String(), p.File+":"), " ")
		if p.Hint != "" {
			s += " | " + p.Hint
		}
		lines = append(lines, s)
	}
	return strings.Join(lines, "\n")
}

const full = `
resourcePolicies:
  - 10kPerMin: {count: 10000, unitTime: 1, timeUnit: min}
  - Unlimited
  - upload:
      bytes: 10MB
      unitTime: 2
      timeUnit: Hours
      maxConcurrent: 7
  - guarded:
      count: 100
      unitTime: 1
      timeUnit: DAY
      algorithm: slidingWindow
      conditions:
        - {count: 5, unitTime: 1, timeUnit: min, ip: 10.0.0.0/30}
        - count: 6
          unitTime: 1
          timeUnit: sec
          ip: {address: "10.0.0.1-10.0.0.9", invert: true}
          header: {values: {User-Agent: "^curl"}}
          query: {values: {v: "1"}, invert: true}
          claim: {values: {iss: x}}
applicationPolicies:
  - Unlimited:
subscriptionPolicies:
  - &base
    Gold: &gold {count: 20, unitTime: 1, timeUnit: month, stopOnQuota: false}
  - Silver:
      <<: *gold
      count: 5
      timeUnit: year
      rateLimit: {count: 2, unitTime: 1, timeUnit: Seconds, algorithm: tokenBucket}
      permissions: {allow: [a, b], deny: "c, d"}
  - Unlimited: {}
ipPolicies:
  - office:
      maxConcurrent: 100
      rules:
        - {ip: other, count: 2, unitTime: 1, timeUnit: min, prohibit: 30s}
        - {ip: 10.0.0.0/8, allow: true}
        - {ip: "fd00::1", deny: true}
        - {role: partner, count: 9, unitTime: 1, timeUnit: week}
        - {domain: example.com, deny: true}
  - calm: {maxConcurrent: 3}
customPolicies:
  - perUser: {keyTemplate: "$userId:$apiContext:$customProperty.plan", count: 3, unitTime: 1, timeUnit: min}
`

func TestEveryFormIsRead(t *testing.T) {
	got, list := parse(full)
	if len(list) > 0 {
		t.Fatal(shown(list))
	}
	q := func(n int64, w time.Duration) spec.Quota {
		return spec.Quota{Count: n, Window: w, Algorithm: spec.FixedWindow}
	}
	none := spec.Quota{Unlimited: true}
	sliding := q(100, day)
	sliding.Algorithm = spec.SlidingWindow
	want := spec.Policies{
		Resource: []spec.Tier{
			{Name: "10kPerMin", Quota: q(10000, time.Minute)},
			{Name: "Unlimited", Quota: none},
			{Name: "upload", Quota: spec.Quota{Count: 10 << 20, Bytes: true, Window: 2 * time.Hour, Algorithm: spec.FixedWindow}, MaxConcurrent: 7},
			{Name: "guarded", Quota: sliding, Conditions: []spec.Condition{
				{Quota: q(5, time.Minute), IP: &spec.IPMatch{First: "10.0.0.0", Last: "10.0.0.3"}},
				{Quota: q(6, time.Second), IP: &spec.IPMatch{First: "10.0.0.1", Last: "10.0.0.9", Invert: true},
					Header: &spec.ValueMatch{Values: map[string]string{"User-Agent": "^curl"}},
					Query:  &spec.ValueMatch{Values: map[string]string{"v": "1"}, Invert: true},
					Claim:  &spec.ValueMatch{Values: map[string]string{"iss": "x"}}},
			}},
		},
		Application: []spec.Tier{{Name: "Unlimited", Quota: none}},
		Subscription: []spec.Tier{
			{Name: "Gold", Quota: q(20, 30*day), PassOnQuota: true},
			{Name: "Silver", Quota: q(5, 365*day), PassOnQuota: true,
				Burst:       &spec.Quota{Count: 2, Window: time.Second, Algorithm: spec.TokenBucket},
				Permissions: spec.Permissions{Allow: []string{"a", "b"}, Deny: []string{"c", "d"}}},
			{Name: "Unlimited", Quota: none},
		},
		IP: []spec.IPPolicy{
			{Name: "office", MaxConcurrent: 100, Rules: []spec.IPRule{
				{Kind: spec.RuleIP, First: "10.0.0.0", Last: "10.255.255.255", Allow: true},
				{Kind: spec.RuleIP, First: "fd00::1", Last: "fd00::1", Deny: true},
				{Kind: spec.RuleRole, Value: "partner", Quota: q(9, 7*day)},
				{Kind: spec.RuleDomain, Value: "example.com", Deny: true},
				{Kind: spec.RuleIP, Other: true, Quota: q(2, time.Minute), Prohibit: 30 * time.Second},
			}},
			{Name: "calm", MaxConcurrent: 3},
		},
		Custom: []spec.CustomPolicy{{Name: "perUser", KeyTemplate: "$userId:$apiContext:$customProperty.plan", Quota: q(3, time.Minute)}},
	}
	if !reflect.DeepEqual(got, want) {
		g, _ := json.MarshalIndent(got, "", " ")
		w, _ := json.MarshalIndent(want, "", " ")
		t.Errorf("got %s\nwant %s", g, w)
	}
}

func TestMistakesInPolicies(t *testing.T) {
	const ok = "count: 1, unitTime: 1, timeUnit: min"
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"comments only", "# nothing\n", ""},
		{"list commented out", "resourcePolicies:\n#  - a\n", ""},
		{"unknown list", "resourcePolicy: []\n", `1:1: policies.yaml has no key resourcePolicy | did you mean "resourcePolicies"?`},
		{"list twice", "ipPolicies: []\nipPolicies: []\n", "2:1: ipPolicies is given twice"},
		{"map for list", "resourcePolicies:\n  Gold: {" + ok + "}\n", "2:3: Resource policies must be a list, not a map"},
		{"text for file", "hello\n", "1:1: policies.yaml must be a map, not hello"},
		{"not YAML", "resourcePolicies:\n  - a: [1\n  - b\n", "2: not valid YAML: did not find expected ',' or ']' | the mistake is in what starts on this line"},
		{"two documents", "ipPolicies: []\n---\nx: 1\n", "2:1: the file has more than one document"},
		{"unknown field", "resourcePolicies:\n  - a: {" + ok + ", stopOnQuotaReach: true}\n", `2:47: the policy a has no key stopOnQuotaReach | did you mean "stopOnQuota"?`},
		{"no indent", "resourcePolicies:\n  - Gold:\n    count: 5\n    unitTime: 1\n", "3:5: an item must have one key, the name of a policy | indent what belongs to a policy below its name; start each policy with a dash"},
		{"empty item", "resourcePolicies:\n  -\n", "2:4: an item must be a map with one key, the name of a policy, not empty"},
		{"list as item", "resourcePolicies:\n  - [a]\n", "2:5: an item must be a map with one key, the name of a policy, not a list"},
		{"no body", "resourcePolicies:\n  - Gold\n", "2:5: the policy Gold has no count"},
		{"empty body", "resourcePolicies:\n  - Gold: {}\n", "2:11: the policy Gold has no count"},
		{"text body", "resourcePolicies:\n  - Gold: 20\n", "2:11: the policy Gold must be a map, not 20"},
		{"blank name", "resourcePolicies:\n  - '': {" + ok + "}\n", "2:5: a policy needs a name"},
		{"name with space", "resourcePolicies:\n  - 'a ': {" + ok + "}\n", "2:5: the name of a policy starts or ends with a space"},
		{"name with line end", "resourcePolicies:\n  - \"a\\nb\": {" + ok + "}\n", "2:5: the name of a policy has a control character"},
		{"no unitTime", "resourcePolicies:\n  - a: {count: 1, timeUnit: min}\n", "2:8: the policy a has no unitTime"},
		{"no timeUnit", "resourcePolicies:\n  - a: {count: 1, unitTime: 1}\n", "2:8: the policy a has no timeUnit"},
		{"window alone", "subscriptionPolicies:\n  - a: {unitTime: 1, rateLimit: {" + ok + "}}\n", "2:9: unitTime is without count or bytes"},
		{"bad unit", "resourcePolicies:\n  - a: {count: 1, unitTime: 1, timeUnit: houer}\n", `2:42: timeUnit must be one of sec, min, hour, day, week, month, year, not houer | did you mean "hour"?`},
		{"zero", "resourcePolicies:\n  - a: {count: 0, unitTime: 0, timeUnit: min}\n", "2:16: count must be 1 or more, not 0\n2:29: unitTime must be 1 or more, not 0"},
		{"negative", "resourcePolicies:\n  - a: {count: -5, unitTime: 1, timeUnit: min}\n", "2:16: count must be 1 or more, not -5"},
		{"fraction", "resourcePolicies:\n  - a: {count: 1.5, unitTime: 1, timeUnit: min}\n", "2:16: count must be a whole number, not 1.5"},
		{"text count", "resourcePolicies:\n  - a: {count: \"5\", unitTime: 1, timeUnit: min}\n", "2:16: count must be a whole number, not 5"},
		{"word count", "resourcePolicies:\n  - a: {count: many, unitTime: 1, timeUnit: min}\n", "2:16: count must be a whole number, not many"},
		{"overflow", "resourcePolicies:\n  - a: {count: 9223372036854775808, unitTime: 1, timeUnit: min}\n", "2:16: count is too large: 9223372036854775808"},
		{"far overflow", "resourcePolicies:\n  - a: {count: 99999999999999999999999, unitTime: 1, timeUnit: min}\n", "2:16: count is too large: 99999999999999999999999"},
		{"long window", "resourcePolicies:\n  - a: {count: 1, unitTime: 51, timeUnit: year}\n", "2:29: unitTime is too long: 51 year are more than 50 years"},
		{"count and bytes", "resourcePolicies:\n  - a: {bytes: 1KB, " + ok + "}\n", "2:9: the policy a has both count and bytes: give one"},
		{"bad size", "resourcePolicies:\n  - a: {bytes: 10XB, unitTime: 1, timeUnit: min}\n", "2:16: bytes must be a size such as 10MB, not 10XB"},
		{"no size", "resourcePolicies:\n  - a: {bytes: MB, unitTime: 1, timeUnit: min}\n", "2:16: bytes must be a size such as 10MB, not MB"},
		{"size overflow", "resourcePolicies:\n  - a: {bytes: 9999999999TB, unitTime: 1, timeUnit: min}\n", "2:16: bytes is too large: 9999999999TB"},
		{"size zero", "resourcePolicies:\n  - a: {bytes: 0MB, unitTime: 1, timeUnit: min}\n", "2:16: bytes must be 1 or more, not 0MB"},
		{"flag", "resourcePolicies:\n  - a: {" + ok + ", stopOnQuota: no}\n", "2:60: stopOnQuota must be true or false, not no"},
		{"algorithm", "resourcePolicies:\n  - a: {" + ok + ", algorithm: slideWindow}\n", `2:58: algorithm must be one of fixedWindow, slidingWindow, tokenBucket, not slideWindow | did you mean "slidingWindow"?`},
		{"duplicates", "applicationPolicies:\n  - a: {" + ok + "}\n  - a: {" + ok + "}\n", `3:5: Application policies contains duplicate names in the policies.yaml file | "a" stands on line 2 already`},
		{"duplicate subscription", "subscriptionPolicies: [Unlimited, Unlimited]\n", `1:35: Subscription policies contains duplicate names in the policies.yaml file | "Unlimited" stands on line 1 already`},
		{"duplicate resource", "resourcePolicies: [Unlimited, Unlimited]\n", `1:31: Resource policies contains duplicate names in the policies.yaml file | "Unlimited" stands on line 1 already`},
		{"same name in two lists", "resourcePolicies: [Unlimited]\napplicationPolicies: [Unlimited]\n", ""},
		{"limited Unlimited", "resourcePolicies:\n  - Unlimited: {" + ok + "}\n", "2:5: warning: Unlimited is never limited: its count is ignored"},
		{"burst elsewhere", "applicationPolicies:\n  - a: {" + ok + ", rateLimit: {" + ok + "}}\n", "2:47: rateLimit belongs to subscription policies only"},
		{"conditions elsewhere", "applicationPolicies:\n  - a: {" + ok + ", conditions: []}\n", "2:47: conditions belongs to resource policies only"},
		{"burst without count", "subscriptionPolicies:\n  - a: {" + ok + ", rateLimit: {}}\n", "2:58: rateLimit has no count"},
		{"both roles", "subscriptionPolicies:\n  - a: {" + ok + ", permissions: {allow: [x], deny: [x]}}\n", "2:60: the role x is both allowed and denied"},
		{"no roles", "subscriptionPolicies:\n  - a: {" + ok + ", permissions: {allow: []}}\n", "2:68: allow is empty"},
		{"concurrency", "resourcePolicies:\n  - a: {maxConcurrent: 99999999999}\n", "2:8: the policy a has no count\n2:24: maxConcurrent must be at most 2147483647, not 99999999999"},
		{"condition without match", "resourcePolicies:\n  - a: {" + ok + ", conditions: [{" + ok + "}]}\n", "2:60: a condition needs ip, header, query or claim"},
		{"condition without count", "resourcePolicies:\n  - a: {" + ok + ", conditions: [{ip: 1.2.3.4}]}\n", "2:60: a condition has no count"},
		{"bad pattern", "resourcePolicies:\n  - a: {" + ok + ", conditions: [{" + ok + ", header: {values: {X: \"(?=a)\"}}}]}\n", "2:120: the pattern for X is not an RE2 regular expression: invalid or unsupported Perl syntax: `(?=`"},
		{"no values", "resourcePolicies:\n  - a: {" + ok + ", conditions: [{" + ok + ", header: {X: y}}]}\n", "2:107: header has no values\n2:108: header has no key X"},
		{"bad address", "resourcePolicies:\n  - a: {" + ok + ", conditions: [{" + ok + ", ip: 10.0.0}]}\n", "2:103: 10.0.0 is not an IP address"},
		{"bad rules", "ipPolicies:\n  - p:\n      rules:\n        - {ip: 1.2.3.400, deny: true}\n        - {ip: 10.0.0.0/99, deny: true}\n        - {ip: 2.0.0.0-1.0.0.0, deny: true}\n        - {ip: 1.0.0.0-fd00::1, deny: true}\n        - {deny: true}\n        - {ip: 1.1.1.1}\n        - {ip: 1.1.1.2, deny: true, allow: true}\n        - {ip: 1.1.1.3, role: x, deny: true}\n        - {role: '', deny: true}\n        - {ip: 1.1.1.4, deny: true, prohibit: 1s}\n        - {ip: 1.1.1.5, " + ok + ", prohibit: soon}\n        - {ip: 1.1.1.5, deny: true}\n",
			"4:16: 1.2.3.400 is not an IP address\n5:16: \"10.0.0.0/99\" is not a CIDR such as 10.0.0.0/8\n6:16: the range 2.0.0.0-1.0.0.0 ends before it starts\n7:16: the range 1.0.0.0-fd00::1 mixes IPv4 and IPv6\n8:11: a rule needs ip, role or domain\n9:11: a rule needs count, allow: true or deny: true\n10:11: a rule has one of count, allow and deny\n11:31: a rule is for one of ip, role and domain\n12:18: \"\" is not a role\n13:37: prohibit is without count\n14:73: prohibit must be a duration such as 30s, not soon\n15:11: 1.1.1.5 has a rule already"},
		{"empty IP policy", "ipPolicies:\n  - a: {}\n  - b\n", "2:8: the policy a has neither rules nor maxConcurrent\n3:5: the policy b has neither rules nor maxConcurrent"},
		{"custom", "customPolicies:\n  - a: {" + ok + "}\n  - b: {keyTemplate: \"$userid:$apiContext\", " + ok + "}\n  - c: {keyTemplate: $appId}\n  - d: {keyTemplate: $customProperty, " + ok + "}\n  - e\n",
			"2:8: the policy a has no keyTemplate\n3:22: keyTemplate has the unknown placeholder $userid | did you mean \"$userId\"?\n4:8: the policy c has no count\n5:22: keyTemplate has the unknown placeholder $customProperty | did you mean \"$customProperty.NAME\"?\n6:5: the policy e has no keyTemplate"},
		{"dollar", "customPolicies:\n  - a: {keyTemplate: \"$5:$appId$\", " + ok + "}\n", "2:22: keyTemplate has the unknown placeholder $"},
		{"sliding count", "resourcePolicies:\n  - a: {count: 2147483648, unitTime: 1, timeUnit: min, algorithm: slidingWindow}\n", "2:16: count must be at most 2147483647 with algorithm slidingWindow"},
		{"bucket count", "resourcePolicies:\n  - a: {count: 1000000001, unitTime: 1, timeUnit: sec, algorithm: tokenBucket}\n", "2:67: a tokenBucket gives at most one token in a nanosecond"},
		{"prohibit and bucket", "ipPolicies:\n  - a: {rules: [{ip: other, " + ok + ", algorithm: tokenBucket, prohibit: 1s}]}\n", "2:91: prohibit goes with algorithm fixedWindow only"},
		{"merge of nothing", "resourcePolicies:\n  - a: {<<: 5, " + ok + "}\n", "2:13: << must name a map"},
		{"merge cycle", "resourcePolicies:\n  - a: &x {<<: *x, " + ok + "}\n", "2:12: << is nested too deeply"},
		{"merge cycle in a list", "resourcePolicies:\n  - a: {<<: &s [*s], " + ok + "}\n", "2:9: << is nested too deeply"},
		{"wide characters", "resourcePolicies:\n  - größe: {count: 0, unitTime: 1, timeUnit: min}\n", "2:22: count must be 1 or more, not 0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, list := parse(tc.text)
			if got := shown(list); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestUnits(t *testing.T) {
	for want, names := range map[time.Duration]string{
		time.Second: "s sec SEC Secs second Seconds", time.Minute: "m min Mins minute MINUTES", time.Hour: "h hour hours",
		day: "d day Days", 7 * day: "w week weeks", 30 * day: "month Months", 365 * day: "y year years",
	} {
		for name := range strings.FieldsSeq(names) {
			if got, ok := unitOf(name); !ok || got != want {
				t.Errorf("unitOf(%q) = %v, %v", name, got, ok)
			}
		}
	}
}

func TestAliasBombEnds(t *testing.T) {
	var b strings.Builder
	b.WriteString("resourcePolicies: [Unlimited]\nx: &c\n")
	for range 3000 {
		b.WriteString("  - {count: 1, unitTime: 1, timeUnit: min, ip: 1.2.3.4}\n")
	}
	b.WriteString("y: &t {conditions: *c}\nsubscriptionPolicies:\napplicationPolicies:\n")
	b.WriteString("ipPolicies: []\n")
	text := strings.Replace(b.String(), "resourcePolicies: [Unlimited]\n", "", 1) + "resourcePolicies:\n"
	for i := range 3000 {
		b.Reset()
		text += "  - t" + string(rune('a'+i%26)) + strings.Repeat("x", i/26) + ": *t\n"
	}
	if _, list := parse(text); !strings.Contains(shown(list), "repeats too much through aliases") {
		t.Errorf("found %d problems, none of them of the aliases", len(list))
	}
}

func TestFilesTooLarge(t *testing.T) {
	_, list := parse(strings.Repeat("#", maxFile+1))
	if shown(list) != "the file is larger than 4194304 bytes" {
		t.Error(shown(list))
	}
}

func wsPolicy(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestPoliciesOfTheTiersDocument(t *testing.T) {
	got, list := Parse([]File{
		{"policies/perAddress.xml", []byte(wsPolicy(t, "perAddress.xml"))},
		{"policies/concurrent.xml", []byte(wsPolicy(t, "concurrent.xml"))},
	})
	if len(list) > 0 {
		t.Fatal(shown(list))
	}
	q := func(n int64) spec.Quota {
		return spec.Quota{Count: n, Window: time.Minute, Algorithm: spec.FixedWindow}
	}
	want := []spec.IPPolicy{
		{Name: "perAddress", File: "policies/perAddress.xml", Rules: []spec.IPRule{
			{Kind: spec.RuleIP, First: "10.1.1.1", Last: "10.1.1.1", Quota: q(1)},
			{Kind: spec.RuleIP, Other: true, Quota: q(2)},
		}},
		{Name: "concurrent", File: "policies/concurrent.xml", MaxConcurrent: 1000, Rules: []spec.IPRule{
			{Kind: spec.RuleIP, Other: true, Quota: spec.Quota{Unlimited: true}},
		}},
	}
	if !reflect.DeepEqual(got.IP, want) {
		t.Errorf("got %+v\nwant %+v", got.IP, want)
	}
}

// doc wraps rules in a document whose prefixes differ from the usual ones.
func doc(assertion string) string {
	return `<p:Policy xmlns:p="` + policySpace + `" xmlns:t="` + throttleSpace + `"><t:MediatorThrottleAssertion>` + "\n" + assertion + "</t:MediatorThrottleAssertion></p:Policy>\n"
}

func TestFormsOfWSPolicy(t *testing.T) {
	control := `<p:Policy><t:Control><p:Policy><t:MaximumCount> 4 </t:MaximumCount><t:UnitTime>800</t:UnitTime><t:ProhibitTimePeriod p:Optional="true">1000</t:ProhibitTimePeriod></p:Policy></t:Control></p:Policy>`
	got, list := Parse([]File{{"policies/all.XML", []byte(doc(
		`<p:ExactlyOne><p:All><t:ID t:type="ip">Other</t:ID>` + control + `</p:All></p:ExactlyOne>` +
			`<p:Policy><t:ID t:type="IP">10.0.0.0/8</t:ID>` + control + `</p:Policy>` +
			`<p:Policy><t:ID t:type="IP">10.0.0.5</t:ID><p:Policy><t:Allow/></p:Policy></p:Policy>` +
			`<p:Policy><t:ID t:type="IP">10.0.0.6 - 10.0.0.7</t:ID><p:Policy><t:Deny/></p:Policy></p:Policy>` +
			`<p:Policy><t:ID type="ROLE">gold</t:ID>` + control + `</p:Policy>` +
			`<p:Policy><t:ID t:type="DOMAIN">example.com</t:ID>` + control + `</p:Policy>`))}})
	if len(list) > 0 {
		t.Fatal(shown(list))
	}
	q := spec.Quota{Count: 4, Window: 800 * time.Millisecond, Algorithm: spec.FixedWindow}
	want := []spec.IPRule{
		{Kind: spec.RuleIP, First: "10.0.0.5", Last: "10.0.0.5", Allow: true},
		{Kind: spec.RuleRole, Value: "gold", Quota: q, Prohibit: time.Second},
		{Kind: spec.RuleDomain, Value: "example.com", Quota: q, Prohibit: time.Second},
		{Kind: spec.RuleIP, First: "10.0.0.0", Last: "10.255.255.255", Quota: q, Prohibit: time.Second},
		{Kind: spec.RuleIP, First: "10.0.0.6", Last: "10.0.0.7", Deny: true},
		{Kind: spec.RuleIP, Other: true, Quota: q, Prohibit: time.Second},
	}
	if len(got.IP) != 1 || got.IP[0].Name != "all" || !reflect.DeepEqual(got.IP[0].Rules, want) {
		t.Errorf("got %+v\nwant %+v", got.IP, want)
	}
}

func TestMistakesInWSPolicy(t *testing.T) {
	rule := func(id, body string) string { return doc(`<p:Policy>` + id + body + `</p:Policy>`) }
	const id = `<t:ID t:type="IP">1.2.3.4</t:ID>`
	control := func(s string) string { return rule(id, "<t:Control><p:Policy>"+s+"</p:Policy></t:Control>") }
	const count, unit = "<t:MaximumCount>1</t:MaximumCount>", "<t:UnitTime>60000</t:UnitTime>"
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", "the document is empty"},
		{"cut off", "<a>\n<b", "2:3: not valid XML: unexpected EOF"},
		{"not closed", doc("<t:X>"), "2:36: not valid XML: element <X> closed by </MediatorThrottleAssertion>"},
		{"two roots", "<a/><b/>", "1:5: the document has more than one root"},
		{"other root", "<a/>", "1:1: the root must be Policy of the name space http://schemas.xmlsoap.org/ws/2004/09/policy, not a"},
		{"no name space", "<Policy/>", "1:1: the root must be Policy of the name space http://schemas.xmlsoap.org/ws/2004/09/policy, not Policy"},
		{"document type", "<!DOCTYPE a SYSTEM \"file:///etc/passwd\">\n<a/>", "1:1: a document type is not allowed: it could name entities and other files"},
		{"entity", doc("<t:MaximumConcurrentAccess>&x;</t:MaximumConcurrentAccess>"), "2:31: not valid XML: invalid character entity &x;"},
		{"deep", strings.Repeat("<a>", maxDepth+1), "1:94: the document is nested too deeply or too large"},
		{"no assertion", `<p:Policy xmlns:p="` + policySpace + `"/>`, "1:1: the document has no throttle assertion such as MediatorThrottleAssertion"},
		{"wrong assertion", strings.ReplaceAll(doc(""), "MediatorThrottle", "MediatorThrotle"), `1:126: expected a throttle assertion, not MediatorThrotleAssertion | did you mean "MediatorThrottleAssertion"?`},
		{"limits nothing", doc(""), "1:126: MediatorThrottleAssertion limits nothing"},
		{"unknown", doc("<t:MaximumConcurentAccess>1</t:MaximumConcurentAccess>"), "2:1: MaximumConcurentAccess does not belong into MediatorThrottleAssertion | did you mean \"MaximumConcurrentAccess\"?"},
		{"no ID", rule("", "<t:Allow/>"), "2:1: the rule has no ID"},
		{"no type", rule("<t:ID>x</t:ID>", "<t:Allow/>"), "2:11: the ID has no type: IP, ROLE or DOMAIN"},
		{"wrong type", rule(`<t:ID t:type="USER">x</t:ID>`, "<t:Allow/>"), "2:11: the type of an ID must be IP, ROLE or DOMAIN, not USER"},
		{"bad address", rule(`<t:ID t:type="IP">x</t:ID>`, "<t:Allow/>"), "2:11: x is not an IP address"},
		{"two controls", rule(id, "<t:Allow/><t:Deny/>"), "2:1: the rule has more than one of Control, Allow and Deny"},
		{"no count", control(unit), "2:43: Control has no MaximumCount"},
		{"zero", control("<t:MaximumCount>0</t:MaximumCount>" + unit), "2:64: MaximumCount must be 1 or more, not 0"},
		{"overflow", control(count + "<t:UnitTime>99999999999999999999</t:UnitTime>"), "2:98: UnitTime is too large: 99999999999999999999"},
		{"long", control(count + "<t:UnitTime>9999999999999</t:UnitTime>"), "2:98: UnitTime is too large: 9999999999999"},
		{"word", control(count + "<t:UnitTime>1m</t:UnitTime>"), "2:98: UnitTime must be a whole number, not 1m"},
		{"twice", control(count + count + unit), "2:98: MaximumCount is given twice"},
		{"same ID", doc("<p:Policy>" + id + "</p:Policy><p:Policy>" + id + "</p:Policy>"), "2:54: 1.2.3.4 has a rule already"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, list := Parse([]File{{"policies/x.xml", []byte(tc.text)}})
			if got := shown(list); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestIPPoliciesShareOneNameSpace(t *testing.T) {
	_, list := Parse([]File{
		{"policies.yaml", []byte("ipPolicies:\n  - a: {maxConcurrent: 1}\n")},
		{"policies/a.xml", []byte(doc("<t:MaximumConcurrentAccess>1</t:MaximumConcurrentAccess>"))},
	})
	if got := shown(list); got != "1:1: the IP policy a is defined in policies.yaml already" {
		t.Error(got)
	}
}

func FuzzYAML(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("a: &a {<<: [*a, *a]}\nresourcePolicies: *a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, list := Parse([]File{{"policies.yaml", data}})
		checkPlaces(t, data, list)
	})
}

func FuzzXML(f *testing.F) {
	f.Add([]byte(doc(`<p:Policy><t:ID t:type="IP">1.2.3.4</t:ID><t:Allow/></p:Policy>`)))
	f.Add([]byte("<a b='&#10;'>]]></a>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, list := Parse([]File{{"policies/x.xml", data}})
		checkPlaces(t, data, list)
	})
}

// checkPlaces: whatever is reported lies within the file.
func checkPlaces(t *testing.T, data []byte, list diag.List) {
	t.Helper()
	lines := strings.Count(string(data), "\n") + 1
	for _, p := range list {
		if p.Line < 0 || p.Line > lines+1 || p.Col < 0 || p.Col > len(data)+2 {
			t.Errorf("%s lies outside a file of %d lines", p, lines)
		}
	}
}

func TestTooManyCustomPolicies(t *testing.T) {
	text := "customPolicies:\n"
	for i := range maxCustom + 2 {
		text += fmt.Sprintf("  - p%d: {keyTemplate: $appId, count: 1, unitTime: 1, timeUnit: min}\n", i)
	}
	got, list := parse(text)
	if want := "50:5: there are more than 48 custom policies"; shown(list) != want || len(got.Custom) != maxCustom {
		t.Errorf("got %s, want %s", shown(list), want)
	}
}

func TestMergeBombEnds(t *testing.T) {
	text := "a0: &a0 {x: 1}\n"
	for i := range 12 {
		text += fmt.Sprintf("a%d: &a%d {<<: [%s]}\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d,", i), 30))
	}
	start := time.Now()
	_, list := parse(text + "resourcePolicies:\n  - bomb: *a12\n")
	if took := time.Since(start); took > 20*time.Second || !strings.Contains(shown(list), "repeats too much through aliases") {
		t.Errorf("took %v: %s", took, shown(list))
	}
}
