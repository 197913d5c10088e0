package event

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func TestEventsSurviveTheReceiver(t *testing.T) {
	e := Event{
		MessageID: "id", AppKey: "2:admin", AppTier: "Gold", APIKey: "/p/1.0.0:1.0.0", APITier: "",
		SubscriptionKey: "2:/p/1.0.0:1.0.0", SubscriptionTier: "Gold", ResourceKey: "/p/1.0.0/1.0.0/menu:GET",
		ResourceTier: "Unlimited", UserID: "a\"b\\c\n\x00é\xff", APIContext: "/p/1.0.0", APIVersion: "1.0.0",
		AppTenant: "carbon.super", APITenant: "carbon.super", AppID: "2", APIName: "P__1_0_0",
		Properties: `{"ip":3232235777,"ipv6":0}`,
	}
	one := e.AppendJSON(nil)
	if !json.Valid(one) {
		t.Fatalf("not JSON: %s", one)
	}
	e.UserID = strings.ToValidUTF8(e.UserID, "\ufffd")
	for _, body := range []string{string(one), " [" + string(one) + "," + string(one) + "]"} {
		got, err := ParseEvents([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range got {
			if g != e {
				t.Errorf("got %+v\nwant %+v", g, e)
			}
		}
	}
	order := []string{}
	dec := json.NewDecoder(strings.NewReader(string(one)))
	for {
		token, err := dec.Token()
		if err != nil {
			break
		}
		if s, ok := token.(string); ok {
			order = append(order, s)
		}
	}
	want := "messageID appKey appTier apiKey apiTier subscriptionKey subscriptionTier resourceKey resourceTier userId apiContext apiVersion appTenant apiTenant appId apiName properties"
	names := []string{}
	for _, s := range order {
		if strings.Contains(" "+want+" ", " "+s+" ") {
			names = append(names, s)
		}
	}
	if strings.Join(names, " ") != want {
		t.Errorf("order %v", names)
	}
}

func TestWrongShapesAreErrors(t *testing.T) {
	for _, body := range []string{"", "{}", "[]x", "null", `{"event":{}}`, `[{"event":{"payloadData":{"appKey":7}}}]`, `[1]`, `"x"`, `{"event":{"payloadData":null}}`} {
		if _, err := ParseEvents([]byte(body)); !errors.Is(err, ErrShape) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestAppendingAnEventAllocatesNothing(t *testing.T) {
	e := Event{AppKey: "2:admin", Properties: `{"ip":1}`}
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { buf = e.AppendJSON(buf[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func conditions(json string) string { return base64.StdEncoding.EncodeToString([]byte(json)) }

func TestMessagesOfEveryFormAreRead(t *testing.T) {
	ten := netip.MustParseAddr("10.0.0.1")
	for name, tc := range map[string]struct {
		text string
		want Message
	}{
		"decision":             {`{"throttleKey":"3:a","isThrottled":true,"expiryTimeStamp":1700000040000,"evaluatedConditions":null}`, &Decision{Key: "3:a", Throttled: true, Expiry: 1700000040000, Sent: 9}},
		"everything as text":   {`{"throttleKey":"3:a","isThrottled":"True","expiryTimeStamp":"1700000040000","evaluatedConditions":"null"}`, &Decision{Key: "3:a", Throttled: true, Expiry: 1700000040000, Sent: 9}},
		"no longer throttled":  {`{"throttleKey":"3:a","isThrottled":false}`, &Decision{Key: "3:a", Sent: 9}},
		"no condition":         {`{"throttleKey":"/a:1_default","isThrottled":true,"expiryTimeStamp":1,"evaluatedConditions":"W10="}`, &Decision{Key: "/a:1_default", Throttled: true, Expiry: 1, Conditional: true, Sent: 9}},
		"quoted twice":         {`{"throttleKey":"/a:1_default","isThrottled":true,"expiryTimeStamp":1,"evaluatedConditions":"\"W10=\""}`, &Decision{Key: "/a:1_default", Throttled: true, Expiry: 1, Conditional: true, Sent: 9}},
		"a condition":          {`{"throttleKey":"k","isThrottled":true,"expiryTimeStamp":1,"evaluatedConditions":"` + conditions(`[{"ipspecific":{"specificIp":"167772161","invert":true}}]`) + `"}`, &Decision{Key: "k", Throttled: true, Expiry: 1, Conditional: true, Conditions: []Group{{IP: &IPSpan{First: ten, Last: ten, Invert: true}}}, Sent: 9}},
		"base64url":            {`{"throttleKey":"k","isThrottled":true,"expiryTimeStamp":1,"evaluatedConditions":"` + base64.RawURLEncoding.EncodeToString([]byte(`[{"header":{"invert":false,"values":{"a":"??>>"}}}]`)) + `"}`, &Decision{Key: "k", Throttled: true, Expiry: 1, Conditional: true, Conditions: []Group{{Headers: &Patterns{Values: map[string]string{"a": "??>>"}}}}, Sent: 9}},
		"key template":         {`{"keyTemplateValue":"$userId","keyTemplateState":"ADD"}`, &KeyTemplate{Template: "$userId", Sent: 9}},
		"key template removed": {`{"keyTemplateValue":"$userId","keyTemplateState":"remove"}`, &KeyTemplate{Template: "$userId", Remove: true, Sent: 9}},
		"blocked API":          {`{"blockingCondition":"API","conditionValue":"/p/1","state":"true","id":7,"tenantDomain":"t"}`, &Block{Kind: BlockAPI, Value: "/p/1", Active: true, ID: 7, Tenant: "t", Sent: 9}},
		"odd names":            {`{"blockingKey":"x","condition":"USER","conditionValue":"kim","conditionState":"false","id":7}`, &Block{Kind: BlockUser, Value: "kim", ID: 7, Sent: 9}},
		"blocked address":      {`{"blockingCondition":"IP","conditionValue":"{\"fixedIp\":\"10.0.0.5\",\"invert\":true}","state":"true","id":9}`, &Block{Kind: BlockIP, Value: `{"fixedIp":"10.0.0.5","invert":true}`, Range: IPRange{Fixed: "10.0.0.5", Invert: true}, Active: true, ID: 9, Sent: 9}},
		"old blocked address":  {`{"blockingCondition":"IP","conditionValue":"carbon.super:10.0.0.5","state":"true"}`, &Block{Kind: BlockIP, Value: "carbon.super:10.0.0.5", Range: IPRange{Fixed: "10.0.0.5"}, Active: true, Sent: 9}},
	} {
		got, err := ParseText([]byte(`{"event":{"payloadData":`+tc.text+`}}`), 9)
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", name, err, got, tc.want)
		}
	}
}

func TestMessagesOfOurOwnAreRead(t *testing.T) {
	first, last := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::9")
	for _, m := range []Message{
		&Decision{Key: "k\"", Throttled: true, Expiry: 5, Conditional: true, Conditions: []Group{{
			IP:      &IPSpan{First: first, Last: last, Exclusive: true},
			Headers: &Patterns{Values: map[string]string{"a": "^b$"}, Invert: true},
			Queries: &Patterns{Values: map[string]string{"q": "1"}},
			Claims:  &Patterns{Values: map[string]string{"sub": "kim"}},
		}}},
		&Decision{Key: "k", Expiry: 5},
		&KeyTemplate{Template: "$userId"},
		&Block{Kind: BlockIPRange, Value: `{"startingIp":"10.0.0.1","endingIp":"10.0.0.9","invert":false}`, Range: IPRange{Starting: "10.0.0.1", Ending: "10.0.0.9"}, Active: true, ID: 3, Tenant: "carbon.super"},
	} {
		text, err := Text(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseText(text, 0)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", text, err, got, m)
		}
		if got, err = ParseMap(Fields(m), 0); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("fields: %v, %+v", err, got)
		}
	}
}

func TestNonsenseIsAnError(t *testing.T) {
	for _, text := range []string{
		``, `null`, `[]`, `{"event":7}`, `{"event":{"payloadData":{}}}`,
		`{"event":{"payloadData":{"throttleKey":"k"}}}`,
		`{"event":{"payloadData":{"throttleKey":{},"isThrottled":true}}}`,
		`{"event":{"payloadData":{"throttleKey":"k","isThrottled":1}}}`,
		`{"event":{"payloadData":{"throttleKey":"k","isThrottled":true,"expiryTimeStamp":"soon"}}}`,
		`{"event":{"payloadData":{"throttleKey":"k","isThrottled":true,"evaluatedConditions":"***"}}}`,
		`{"event":{"payloadData":{"throttleKey":"k","isThrottled":true,"evaluatedConditions":"` + conditions(`[{"ipspecific":{"specificIp":"-1"}}]`) + `"}}}`,
		`{"event":{"payloadData":{"throttleKey":"k","isThrottled":true,"evaluatedConditions":"` + conditions(`[{"iprange":{"startingIp":"`+strings.Repeat("9", 4000)+`"}}]`) + `"}}}`,
		`{"event":{"payloadData":{"throttleKey":"` + strings.Repeat("k", 5000) + `","isThrottled":true}}}`,
		`{"event":{"payloadData":{"blockingCondition":"IP","conditionValue":"{broken","state":"true"}}}`,
	} {
		if m, err := ParseText([]byte(text), 0); err == nil {
			t.Errorf("%.80s: %+v", text, m)
		}
	}
}

func FuzzParseText(f *testing.F) {
	f.Add([]byte(`{"event":{"payloadData":{"throttleKey":"k","isThrottled":true,"expiryTimeStamp":1,"evaluatedConditions":"W10="}}}`))
	f.Add([]byte(`{"event":{"payloadData":{"blockingCondition":"IP","conditionValue":"{}","state":"true"}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseText(text, 0)
		if err != nil {
			return
		}
		again, err := Text(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseText(again, 0); err != nil {
			t.Fatalf("%s became %s: %v", text, again, err)
		}
	})
}

func FuzzParseEvents(f *testing.F) {
	f.Add([]byte(`[{"event":{"payloadData":{"appKey":"a"}}}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := ParseEvents(body)
		if err != nil {
			return
		}
		for _, e := range events {
			if !json.Valid(e.AppendJSON(nil)) {
				t.Fatalf("%+v", e)
			}
		}
	})
}

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	for _, d := range []*Decision{
		{Key: "k", Throttled: true, Expiry: 7, Sent: 5},
		{Key: "/a/1:GET_default", Throttled: true, Expiry: 7, Sent: 5, Conditional: true},
	} {
		text, err := Record(d)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseRecord(text)
		if err != nil || !reflect.DeepEqual(got, d) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{``, `[]`, `{}`, `{"keyTemplateValue":"$userId","keyTemplateState":"add"}`, `{"throttleKey":"k","isThrottled":true} {}`} {
		if d, err := ParseRecord([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, d)
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(`{"throttleKey":"k","isThrottled":true,"expiryTimeStamp":7,"evaluatedConditions":"W10=","decidedAt":5}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if d, err := ParseRecord(text); (err == nil) != (d != nil) {
			t.Errorf("%+v, %v", d, err)
		}
	})
}
