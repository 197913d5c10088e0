package trafficmanager

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestBlockingConditionsAreAddedListedAndRemoved(t *testing.T) {
	dir := t.TempDir()
	f := run(t, conf(t, dir, noBroker), testPolicies)
	for i, tc := range []struct {
		body   string
		status int
		answer string
	}{
		{`{"conditionType":"API","conditionValue":"/p/1"}`, 201, `"conditionId":1`},
		{`{"conditionType":"api","conditionValue":"/p/1"}`, 409, "condition 1 says the same"},
		{`{"conditionType":"APPLICATION","conditionValue":"alice:App"}`, 201, `"tenantDomain":"carbon.super"`},
		{`{"conditionType":"USER","conditionValue":"bob","tenantDomain":"t.com"}`, 201, `"tenantDomain":"t.com"`},
		{`{"conditionType":"SUBSCRIPTION","conditionValue":"/p:1:alice-App:PRODUCTION"}`, 201, ""},
		{`{"conditionType":"IP","conditionValue":{"fixedIp":"::ffff:10.0.0.1","invert":true}}`, 201, `{"fixedIp":"10.0.0.1","invert":true}`},
		{`{"conditionType":"IPRANGE","conditionValue":{"startingIp":"10.0.0.1","endingIp":"10.0.0.9"}}`, 201, ""},
		{`{"conditionType":"API","conditionValue":"p"}`, 400, "the context of an API"},
		{`{"conditionType":"API","conditionValue":""}`, 400, "from 1 to"},
		{`{"conditionType":"API","conditionValue":{"fixedIp":"10.0.0.1"}}`, 400, "must be text"},
		{`{"conditionType":"API"}`, 400, "must be text"},
		{`{"conditionType":"APPLICATION","conditionValue":"App"}`, 400, "subscriber:application"},
		{`{"conditionType":"CUSTOM","conditionValue":"x"}`, 400, "must be API, APPLICATION"},
		{`{"conditionType":"IP","conditionValue":"10.0.0.1"}`, 400, "must be an object"},
		{`{"conditionType":"IP","conditionValue":{"fixedIp":"10.0.0"}}`, 400, "fixedIp"},
		{`{"conditionType":"IPRANGE","conditionValue":{"startingIp":"10.0.0.9","endingIp":"10.0.0.1"}}`, 400, "must be below"},
		{`{"conditionType":"IPRANGE","conditionValue":{"startingIp":"10.0.0.9","endingIp":"::1"}}`, 400, "same family"},
		{`{"conditionType":"API","conditionValue":"/p","conditionId":3}`, 400, "manager's to give"},
		{`{"conditionType":"API","conditionValue":"/p","status":true}`, 400, "unknown field"},
		{`{"conditionType":"API","conditionValue":"/` + strings.Repeat("p", maxValue) + `"}`, 400, "from 1 to"},
		{`{}{}`, 400, "goes on"},
		{``, 400, "not what is expected"},
	} {
		if status, answer := f.ask(t, "POST", blocksPath, tc.body); status != tc.status || !strings.Contains(answer, tc.answer) {
			t.Errorf("%d: %d %s", i, status, answer)
		}
	}
	const want = `{"api":["/p/1"],"application":["alice:App"],` +
		`"ip":[{"type":"IP","fixedIp":"10.0.0.1","invert":true,"tenantDomain":"carbon.super","id":5},` +
		`{"type":"IPRANGE","startingIp":"10.0.0.1","endingIp":"10.0.0.9","invert":false,"tenantDomain":"carbon.super","id":6}],` +
		`"user":["bob"],"custom":[],"subscription":["/p:1:alice-App:PRODUCTION"]}`
	if _, got := f.ask(t, "GET", dataPath+"/block", ""); strings.TrimSpace(got) != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	for path, want := range map[string]int{"/1": 204, "/5": 204, "/77": 404, "/x": 404} {
		if status, answer := f.ask(t, "DELETE", blocksPath+path, ""); status != want {
			t.Errorf("DELETE %s: %d %s", path, status, answer)
		}
	}
	f.stop()
	f = run(t, conf(t, dir, noBroker), testPolicies)
	var list struct {
		Count int
		List  []blockBody
	}
	_, got := f.ask(t, "GET", blocksPath, "")
	if err := json.Unmarshal([]byte(got), &list); err != nil || list.Count != 4 || list.List[0].ID != 2 {
		t.Errorf("after a restart: %s %v", got, err)
	}
}

func TestKeyTemplatesAreAddedListedAndRemoved(t *testing.T) {
	dir := t.TempDir()
	f := run(t, conf(t, dir, noBroker), testPolicies)
	const policies = "$userId:$apiContext:$clientIp"
	for _, tc := range []struct {
		method, template string
		status           int
	}{
		{"POST", "$appId:$apiVersion", 201}, {"POST", "$appId:$apiVersion", 409}, {"POST", policies, 409},
		{"POST", "$what", 400}, {"POST", "", 400}, {"POST", strings.Repeat("a", maxValue+1), 400},
		{"POST", "$userId+&%", 201}, {"DELETE", "$userId+&%", 204}, {"DELETE", "$userId+&%", 404}, {"DELETE", policies, 409},
	} {
		path, body := templatesPath, `{"keyTemplate":"`+tc.template+`"}`
		if tc.method == "DELETE" {
			path, body = path+"?keyTemplate="+url.QueryEscape(tc.template), ""
		}
		if status, answer := f.ask(t, tc.method, path, body); status != tc.status {
			t.Errorf("%s %.40s: %d %s", tc.method, tc.template, status, answer)
		}
	}
	f.stop()
	f = run(t, conf(t, dir, noBroker), testPolicies)
	if _, got := f.ask(t, "GET", dataPath+"/keyTemplates", ""); strings.TrimSpace(got) != `["$appId:$apiVersion","$userId:$apiContext:$clientIp"]` {
		t.Errorf("after a restart: %s", got)
	}
	if _, got := f.ask(t, "GET", templatesPath, ""); !strings.Contains(got, `{"keyTemplate":"$userId:$apiContext:$clientIp","fromPolicy":true}`) {
		t.Error(got)
	}
}

// TestDefinitionNamesEveryResource keeps the admin API's definition and its
// routes together.
func TestDefinitionNamesEveryResource(t *testing.T) {
	f := run(t, conf(t, t.TempDir(), noBroker), testPolicies)
	_, text := f.ask(t, "GET", adminPath+"/openapi.yaml", "")
	var definition struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal([]byte(text), &definition); err != nil {
		t.Fatal(err)
	}
	routes := 0
	for path, methods := range definition.Paths {
		for method := range methods {
			routes++
			path := strings.ReplaceAll(path, "{conditionId}", "99")
			status, answer := f.ask(t, strings.ToUpper(method), adminPath+path, "")
			if status == 405 || status == 404 && !strings.Contains(answer, "there is no such") {
				t.Errorf("%s %s: %d %s", method, path, status, answer)
			}
		}
	}
	if routes != 8 {
		t.Errorf("the definition has %d routes", routes)
	}
}
