package throttle

import (
	"fmt"
	"strings"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/limit"
	"mgw/runtime/spec"
)

// custom is a policy that counts by key template (contract 4.9).
type custom struct {
	name   string
	pieces []piece
	rule   *limit.Rule // nil: not limited
	needs  needs
}

// piece is a literal, or a placeholder and the property's name if it has one.
type piece struct {
	what placeholder
	text string
}

type placeholder uint8

const (
	literal placeholder = iota
	ofResourceKey
	ofUserID
	ofAPIContext
	ofAPIVersion
	ofAppTenant
	ofAPITenant
	ofAppID
	ofClientIP
	ofCustomProperty
)

// needs are what a key depends on beyond the API.
type needs uint8

const (
	needsOperation needs = 1 << iota
	needsGrant
	needsRequest
)

// placeholders is ordered so that no name begins with an earlier one.
var placeholders = [...]struct {
	name  string
	what  placeholder
	needs needs
}{
	{"$resourceKey", ofResourceKey, needsOperation},
	{"$userId", ofUserID, needsGrant},
	{"$apiContext", ofAPIContext, 0},
	{"$apiVersion", ofAPIVersion, 0},
	{"$appTenant", ofAppTenant, needsGrant},
	{"$apiTenant", ofAPITenant, 0},
	{"$appId", ofAppID, needsGrant},
	{"$clientIp", ofClientIP, needsRequest},
	{"$customProperty.", ofCustomProperty, needsRequest},
}

// maxCustom leaves room for the other levels in one charge.
const maxCustom = limit.MaxCounters - 16

func (t *Throttle) compileCustom() error {
	policies := t.options.Gateway.Policies.Custom
	if len(policies) > maxCustom {
		return fmt.Errorf("%d custom policies, at most %d can be enforced", len(policies), maxCustom)
	}
	t.customs = make([]custom, len(policies))
	for i := range policies {
		if err := t.customs[i].compile(t, &policies[i]); err != nil {
			return fmt.Errorf("custom policy %s: %w", policies[i].Name, err)
		}
	}
	return nil
}

func (c *custom) compile(t *Throttle, p *spec.CustomPolicy) error {
	c.name = p.Name
	if err := c.parse(p.KeyTemplate); err != nil || p.Unlimited {
		return err
	}
	l, err := limitOf(p.Quota)
	if err != nil {
		return err
	}
	source := limit.Verified
	if c.needs&needsRequest != 0 {
		source = limit.Address
	}
	key := func(x *exchange.Exchange) string {
		b, _ := c.appendKey(nil, t, x)
		return string(b)
	}
	c.rule, err = t.rule(kind{level: levelCustom, tier: p.Name, key: key}, source, l)
	return err
}

func (c *custom) parse(template string) error {
	for rest := template; rest != ""; {
		n := strings.IndexByte(rest, '$')
		if n < 0 {
			n = len(rest)
		}
		if n > 0 {
			c.pieces = append(c.pieces, piece{literal, rest[:n]})
			rest = rest[n:]
			continue
		}
		var err error
		if rest, err = c.placeholder(rest); err != nil {
			return err
		}
	}
	return nil
}

// placeholder takes the placeholder that rest starts with.
func (c *custom) placeholder(rest string) (string, error) {
	for _, p := range placeholders {
		after, ok := strings.CutPrefix(rest, p.name)
		if !ok {
			continue
		}
		pc := piece{what: p.what}
		if p.what == ofCustomProperty {
			n := nameLength(after)
			if n == 0 {
				return "", fmt.Errorf("the key template has a property without a name: %s", rest)
			}
			pc.text, after = after[:n], after[n:]
		}
		c.pieces = append(c.pieces, pc)
		c.needs |= p.needs
		return after, nil
	}
	return "", fmt.Errorf("the key template has an unknown placeholder: %s", rest)
}

// nameLength tells how far a property's name goes.
func nameLength(s string) int {
	n := strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if n < 0 {
		return len(s)
	}
	return n
}

// ofOperation gives the counter of a policy whose key the operation settles.
func (c *custom) ofOperation(t *Throttle, api *spec.API, op *spec.Operation) *limit.Counter {
	if c.rule == nil || c.needs != needsOperation {
		return nil
	}
	key, _ := c.appendKey(nil, t, &exchange.Exchange{API: api, Operation: op})
	return t.counter(c.rule, string(key))
}

// ofGrant gives the counter of a policy whose key the grant settles.
func (c *custom) ofGrant(t *Throttle, g *exchange.Grant) *limit.Counter {
	if c.rule == nil || c.needs&^needsGrant != 0 {
		return nil
	}
	key, _ := c.appendKey(nil, t, &exchange.Exchange{API: g.API, Grant: g})
	return t.counter(c.rule, string(key))
}

// collectCustom adds the counters of the custom policies, all of them before
// what is in flight.
func (t *Throttle) collectCustom(c *charge, x *exchange.Exchange, op *operation, g *grantLimits) {
	for i := range t.customs {
		p := &t.customs[i]
		switch {
		case p.rule == nil:
		case g.custom[i] != nil:
			c.add(g.custom[i])
		case op.custom[i] != nil:
			c.add(op.custom[i])
		default:
			var ok bool
			if c.key, ok = p.appendKey(c.key[:0], t, x); ok {
				c.add(c.bind(t, p.rule))
			}
		}
	}
}

// appendKey fills in the template. It gives false when the request lacks a
// property: the policy is not meant for it.
func (c *custom) appendKey(b []byte, t *Throttle, x *exchange.Exchange) ([]byte, bool) {
	for _, p := range c.pieces {
		switch p.what {
		case literal:
			b = append(b, p.text...)
		case ofResourceKey:
			b = appendResourceKey(b, x.API, x.Operation)
		case ofAPIContext:
			b = append(b, x.API.Context...)
		case ofAPIVersion:
			b = append(b, x.API.Version...)
		case ofAPITenant:
			b = append(b, apiTenant(x.API)...)
		case ofClientIP:
			b = t.appendAddress(b, x.Address)
		case ofCustomProperty:
			value, ok := property(x, p.text)
			if !ok {
				return b, false
			}
			b = append(b, value...)
		default:
			b = append(b, callerValue(p.what, x.Grant.Principal)...)
		}
	}
	return b, true
}

// callerValue gives what a placeholder says of the caller. Of one that nobody
// knows it says what contract 4.3 does.
func callerValue(what placeholder, p *exchange.Principal) string {
	known := p.Kind != exchange.Anonymous
	switch {
	case what == ofUserID && known:
		return p.Subject
	case what == ofUserID:
		return ""
	case what == ofAppID && known:
		return p.Application.ID
	case known:
		return p.Tenant
	}
	return unknown
}

func property(x *exchange.Exchange, name string) (string, bool) {
	for _, p := range x.Properties {
		if p.Name == name {
			return p.Value, true
		}
	}
	return "", false
}
