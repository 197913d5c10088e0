package event

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/netip"
	"strconv"
)

// Fields gives a message as the fields of a map message.
func Fields(m Message) map[string]any {
	switch m := m.(type) {
	case *Decision:
		fields := map[string]any{"throttleKey": m.Key, "isThrottled": m.Throttled, "expiryTimeStamp": m.Expiry}
		if m.Conditional {
			fields["evaluatedConditions"] = encodeConditions(m.Conditions)
		}
		return fields
	case *KeyTemplate:
		state := "add"
		if m.Remove {
			state = "remove"
		}
		return map[string]any{"keyTemplateValue": m.Template, "keyTemplateState": state}
	case *Block:
		return map[string]any{
			"blockingCondition": string(m.Kind),
			"conditionValue":    m.value(),
			"state":             strconv.FormatBool(m.Active),
			"tenantDomain":      m.Tenant,
			"id":                m.ID,
		}
	}
	return nil
}

// Text gives a message as the JSON of a text message.
func Text(m Message) ([]byte, error) {
	type event struct {
		Payload map[string]any `json:"payloadData"`
	}
	return json.Marshal(struct {
		Event event `json:"event"`
	}{event{Fields(m)}})
}

func (b *Block) value() string {
	if b.Kind != BlockIP && b.Kind != BlockIPRange {
		return b.Value
	}
	text, err := json.Marshal(b.Range)
	if err != nil { // strings and a boolean always encode
		panic(err)
	}
	return string(text)
}

// encodeConditions gives base64 of the JSON array that parseConditions reads.
func encodeConditions(groups []Group) string {
	raw := make([]map[string]any, len(groups))
	for i, g := range groups {
		raw[i] = g.fields()
	}
	text, err := json.Marshal(raw)
	if err != nil { // maps of strings and booleans always encode
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(text)
}

func (g Group) fields() map[string]any {
	fields := map[string]any{}
	switch {
	case g.IP == nil:
	case g.IP.First == g.IP.Last:
		fields["ipspecific"] = map[string]any{"specificIp": Decimal(g.IP.First), "invert": g.IP.Invert}
	default:
		first, last := g.IP.First, g.IP.Last
		if !g.IP.Exclusive { // the wire form leaves both ends out
			first, last = first.Prev(), last.Next()
		}
		fields["iprange"] = map[string]any{"startingIp": Decimal(first), "endingIp": Decimal(last), "invert": g.IP.Invert}
	}
	for name, p := range map[string]*Patterns{"header": g.Headers, "queryparametertype": g.Queries, "jwtclaims": g.Claims} {
		if p != nil {
			fields[name] = p
		}
	}
	return fields
}

// Decimal gives an address as conditions and event properties write it: the
// decimal integer of its bits. An address that is not valid gives "0".
func Decimal(a netip.Addr) string {
	return new(big.Int).SetBytes(a.Unmap().AsSlice()).String()
}
