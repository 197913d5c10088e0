package event

import (
	"encoding/json"
	"errors"
	"slices"
)

// ErrNoDecision is of a record that is something else.
var ErrNoDecision = errors.New("not a decision")

// Record gives a decision as managers keep and serve it: the fields of its
// message in JSON, and decidedAt, which messages carry beside them.
func Record(d *Decision) ([]byte, error) {
	fields := Fields(d)
	fields["decidedAt"] = d.Sent
	return json.Marshal(fields)
}

// ParseRecord reads what Record wrote.
func ParseRecord(text []byte) (*Decision, error) {
	var stamp struct {
		DecidedAt int64 `json:"decidedAt"`
	}
	if err := json.Unmarshal(text, &stamp); err != nil {
		return nil, err
	}
	m, err := ParseText(slices.Concat([]byte(`{"event":{"payloadData":`), text, []byte("}}")), stamp.DecidedAt)
	if err != nil {
		return nil, err
	}
	d, ok := m.(*Decision)
	if !ok {
		return nil, ErrNoDecision
	}
	return d, nil
}
