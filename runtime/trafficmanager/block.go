package trafficmanager

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"mgw/runtime/internal/event"
)

// blockBody is a blocking condition as the admin API has it.
type blockBody struct {
	ID     int64           `json:"conditionId"`
	Type   event.BlockKind `json:"conditionType"`
	Value  json.RawMessage `json:"conditionValue"` // text; for IP and IPRANGE an object
	Tenant string          `json:"tenantDomain"`
}

// defaultTenant is the one of gateways without tenants.
const defaultTenant = "carbon.super"

func bodyOf(b event.Block) blockBody {
	var value any = b.Value
	if addresses(b.Kind) {
		value = b.Range
	}
	text, err := json.Marshal(value)
	if err != nil { // strings and booleans always encode
		panic(err)
	}
	return blockBody{b.ID, b.Kind, text, b.Tenant}
}

func addresses(k event.BlockKind) bool { return k == event.BlockIP || k == event.BlockIPRange }

// parse checks a condition that somebody wants to add.
func (body *blockBody) parse() (event.Block, error) {
	b := event.Block{Kind: event.BlockKind(strings.ToUpper(string(body.Type))), Active: true, Tenant: body.Tenant}
	if b.Tenant == "" {
		b.Tenant = defaultTenant
	}
	switch {
	case body.ID != 0:
		return b, errors.New("conditionId is the manager's to give")
	case len(b.Tenant) > maxValue:
		return b, errors.New("tenantDomain is too long")
	case addresses(b.Kind):
		return b, readRange(&b, body.Value)
	}
	return b, readValue(&b, body.Value)
}

func readValue(b *event.Block, raw json.RawMessage) error {
	if json.Unmarshal(raw, &b.Value) != nil {
		return errors.New("conditionValue must be text")
	}
	wrong := func(form string) error { return fmt.Errorf("conditionValue of %s must be %s", b.Kind, form) }
	switch value := b.Value; {
	case value == "" || len(value) > maxValue:
		return fmt.Errorf("conditionValue must have from 1 to %d bytes", maxValue)
	case b.Kind == event.BlockAPI && value[0] != '/':
		return wrong("the context of an API, such as /petstore/v1")
	case b.Kind == event.BlockApplication && !strings.Contains(value, ":"):
		return wrong("subscriber:application")
	}
	switch b.Kind {
	case event.BlockAPI, event.BlockApplication, event.BlockUser, event.BlockSubscription:
		return nil
	}
	return errors.New("conditionType must be API, APPLICATION, USER, IP, IPRANGE or SUBSCRIPTION")
}

func readRange(b *event.Block, raw json.RawMessage) error {
	r := &b.Range
	if json.Unmarshal(raw, r) != nil {
		return errors.New(`conditionValue must be an object such as {"fixedIp":"192.0.2.7"}`)
	}
	if b.Kind == event.BlockIP {
		a, err := netip.ParseAddr(r.Fixed)
		if err != nil || a.Zone() != "" || r.Starting+r.Ending != "" {
			return errors.New("conditionValue of IP must have fixedIp, an address, and no more than invert beside it")
		}
		r.Fixed = a.Unmap().String()
		return nil
	}
	first, err := netip.ParseAddr(r.Starting)
	last, err2 := netip.ParseAddr(r.Ending)
	if err != nil || err2 != nil || first.Zone()+last.Zone() != "" || r.Fixed != "" {
		return errors.New("conditionValue of IPRANGE must have startingIp and endingIp, two addresses")
	}
	first, last = first.Unmap(), last.Unmap()
	if first.BitLen() != last.BitLen() || !first.Less(last) {
		return errors.New("startingIp must be below endingIp, and of the same family")
	}
	r.Starting, r.Ending = first.String(), last.String()
	return nil
}
