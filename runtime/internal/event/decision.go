package event

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Message is what arrives on topic throttleData: a Decision, a KeyTemplate or a
// Block.
type Message interface{ message() }

// Decision says that a key is throttled until Expiry, or no longer.
type Decision struct {
	Key       string
	Throttled bool
	Expiry    int64 // milliseconds since the epoch; the key is free after it
	// Conditional is true for keys of resources and APIs, which come with
	// evaluatedConditions; Conditions are then the groups that were evaluated,
	// possibly none.
	Conditional bool
	Conditions  []Group
	Sent        int64 // milliseconds: when it was decided, as the sender says; 0 unknown
}

// KeyTemplate announces or withdraws a template of custom policies.
type KeyTemplate struct {
	Template string
	Remove   bool
	Sent     int64
}

// BlockKind is what a Block compares.
type BlockKind string

const (
	BlockAPI          BlockKind = "API"
	BlockApplication  BlockKind = "APPLICATION"
	BlockUser         BlockKind = "USER"
	BlockIP           BlockKind = "IP"
	BlockIPRange      BlockKind = "IPRANGE"
	BlockSubscription BlockKind = "SUBSCRIPTION"
)

// Block switches a blocking condition on or off. Value names an API's context,
// "subscriber:application", a user, or a subscription; IP kinds use Range and
// are switched off by ID.
type Block struct {
	Kind   BlockKind
	Value  string
	Range  IPRange
	Active bool
	ID     int64
	Tenant string
	Sent   int64
}

// IPRange is the addresses of a blocking condition, as they are written: Fixed,
// or from Starting to Ending.
type IPRange struct {
	Fixed    string `json:"fixedIp,omitempty"`
	Starting string `json:"startingIp,omitempty"`
	Ending   string `json:"endingIp,omitempty"`
	Invert   bool   `json:"invert"`
}

func (*Decision) message()    {}
func (*KeyTemplate) message() {}
func (*Block) message()       {}

// ParseText reads a text message: JSON {"event":{"payloadData":{...}}}.
func ParseText(text []byte, sent int64) (Message, error) {
	var body struct {
		Event struct {
			Payload map[string]any `json:"payloadData"`
		} `json:"event"`
	}
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber()
	if err := dec.Decode(&body); err != nil {
		return nil, fmt.Errorf("reading a text message: %w", err)
	}
	return ParseMap(body.Event.Payload, sent)
}

// ParseMap reads a map message. Its kind is that of the first field present
// of throttleKey, keyTemplateValue and blockingCondition (or blockingKey).
func ParseMap(fields map[string]any, sent int64) (Message, error) {
	m := values(fields)
	switch {
	case m.has("throttleKey"):
		return m.decision(sent)
	case m.has("keyTemplateValue"):
		return m.keyTemplate(sent)
	case m.has("blockingCondition"), m.has("blockingKey"):
		return m.block(sent)
	}
	return nil, fmt.Errorf("a message with none of throttleKey, keyTemplateValue, blockingCondition")
}

// Limits of what one message may hold.
const (
	maxKey    = 4096
	maxGroups = 1000
)

func (m values) decision(sent int64) (Message, error) {
	d := &Decision{Sent: sent}
	var err error
	if d.Key, err = m.text("throttleKey"); err != nil {
		return nil, err
	}
	if d.Throttled, err = m.boolean("isThrottled"); err != nil {
		return nil, err
	}
	if m.has("expiryTimeStamp") {
		if d.Expiry, err = m.integer("expiryTimeStamp"); err != nil {
			return nil, err
		}
	}
	if !m.has("evaluatedConditions") {
		return d, nil
	}
	encoded, err := m.text("evaluatedConditions")
	if err != nil {
		return nil, err
	}
	if d.Conditions, d.Conditional, err = parseConditions(encoded); err != nil {
		return nil, fmt.Errorf("evaluatedConditions of %q: %w", d.Key, err)
	}
	return d, nil
}

func (m values) keyTemplate(sent int64) (Message, error) {
	value, err := m.text("keyTemplateValue")
	if err != nil {
		return nil, err
	}
	state, err := m.text("keyTemplateState")
	if err != nil {
		return nil, err
	}
	return &KeyTemplate{Template: value, Remove: !strings.EqualFold(state, "add"), Sent: sent}, nil
}

func (m values) block(sent int64) (Message, error) {
	// The names of contract 7.3's odd text form stand in for the usual ones.
	kind, value, state := "blockingCondition", "conditionValue", "state"
	if !m.has(kind) {
		kind, state = "condition", "conditionState"
	}
	b := &Block{Sent: sent}
	name, err := m.text(kind)
	if err != nil {
		return nil, err
	}
	b.Kind = BlockKind(strings.ToUpper(name))
	if b.Value, err = m.text(value); err != nil {
		return nil, err
	}
	if b.Active, err = m.boolean(state); err != nil {
		return nil, err
	}
	if m.has("id") {
		if b.ID, err = m.integer("id"); err != nil {
			return nil, err
		}
	}
	if m.has("tenantDomain") {
		if b.Tenant, err = m.text("tenantDomain"); err != nil {
			return nil, err
		}
	}
	if b.Kind != BlockIP && b.Kind != BlockIPRange {
		return b, nil
	}
	if err := b.Range.parse(b.Value); err != nil {
		return nil, err
	}
	return b, nil
}

// parse reads the JSON of newer managers and the "tenant:address" of old ones.
func (r *IPRange) parse(value string) error {
	if !strings.HasPrefix(strings.TrimSpace(value), "{") {
		_, address, found := strings.Cut(value, ":")
		if !found {
			address = value
		}
		r.Fixed = address
		return nil
	}
	if err := json.Unmarshal([]byte(value), r); err != nil {
		return fmt.Errorf("addresses of a blocking condition: %w", err)
	}
	return nil
}

// values reads fields with the coercions of JMS: booleans and numbers may come
// as text.
type values map[string]any

// has tells whether a field is there and not null. The text "null" is what a
// JSON mapper makes of null.
func (m values) has(name string) bool {
	v := m[name]
	return v != nil && v != "null"
}

func (m values) text(name string) (string, error) {
	switch v := m[name].(type) {
	case string:
		if len(v) > maxKey && name != "evaluatedConditions" {
			return "", fmt.Errorf("%s is longer than %d bytes", name, maxKey)
		}
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case json.Number:
		return v.String(), nil
	}
	return "", m.wrong(name, "text")
}

func (m values) boolean(name string) (bool, error) {
	switch v := m[name].(type) {
	case bool:
		return v, nil
	case string:
		return strings.EqualFold(v, "true"), nil
	}
	return false, m.wrong(name, "a boolean")
}

func (m values) integer(name string) (int64, error) {
	switch v := m[name].(type) {
	case int64:
		return v, nil
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
	case string:
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, m.wrong(name, "an integer")
}

func (m values) wrong(name, want string) error {
	if m[name] == nil {
		return fmt.Errorf("%s is missing", name)
	}
	return fmt.Errorf("%s is not %s but a %T", name, want, m[name])
}
