// Package event is what gateways and traffic managers tell each other: events
// of allowed requests one way, decisions, key templates and blocking conditions
// the other way. It holds the types and their codecs (contract 6.2, 7.2, 7.3
// and sections 3a to 3d of the traffic manager's) and neither sends nor
// receives anything.
//
// What comes from the network is read liberally, since peers of several
// versions share one topic, and bounded: a message that makes no sense is an
// error, never a panic.
package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Event is one allowed request: the 17 attributes of stream
// org.wso2.throttle.request.stream:1.0.0, in its order. All are strings;
// Properties is a JSON object in a string.
type Event struct {
	MessageID        string `json:"messageID"`
	AppKey           string `json:"appKey"`
	AppTier          string `json:"appTier"`
	APIKey           string `json:"apiKey"`
	APITier          string `json:"apiTier"`
	SubscriptionKey  string `json:"subscriptionKey"`
	SubscriptionTier string `json:"subscriptionTier"`
	ResourceKey      string `json:"resourceKey"`
	ResourceTier     string `json:"resourceTier"`
	UserID           string `json:"userId"`
	APIContext       string `json:"apiContext"`
	APIVersion       string `json:"apiVersion"`
	AppTenant        string `json:"appTenant"`
	APITenant        string `json:"apiTenant"`
	AppID            string `json:"appId"`
	APIName          string `json:"apiName"`
	Properties       string `json:"properties"`
}

// AppendJSON appends the event in its envelope, as one object of a request
// body to throttleEventReceiver. It allocates only to grow b.
func (e *Event) AppendJSON(b []byte) []byte {
	b = append(b, `{"event":{"metaData":{},"correlationData":{},"payloadData":{"messageID":`...)
	b = AppendString(b, e.MessageID)
	for _, f := range [...]struct{ name, value string }{
		{`,"appKey":`, e.AppKey},
		{`,"appTier":`, e.AppTier},
		{`,"apiKey":`, e.APIKey},
		{`,"apiTier":`, e.APITier},
		{`,"subscriptionKey":`, e.SubscriptionKey},
		{`,"subscriptionTier":`, e.SubscriptionTier},
		{`,"resourceKey":`, e.ResourceKey},
		{`,"resourceTier":`, e.ResourceTier},
		{`,"userId":`, e.UserID},
		{`,"apiContext":`, e.APIContext},
		{`,"apiVersion":`, e.APIVersion},
		{`,"appTenant":`, e.AppTenant},
		{`,"apiTenant":`, e.APITenant},
		{`,"appId":`, e.AppID},
		{`,"apiName":`, e.APIName},
		{`,"properties":`, e.Properties},
	} {
		b = append(b, f.name...)
		b = AppendString(b, f.value)
	}
	return append(b, "}}}"...)
}

// envelope is the receiver's body: an object or an element of an array.
type envelope struct {
	Event *struct {
		Payload *Event `json:"payloadData"`
	} `json:"event"`
}

// ErrShape is wrapped by the errors of ParseEvents.
var ErrShape = errors.New("not a throttle event")

// ParseEvents reads a body of throttleEventReceiver: one event or an array. An
// attribute that is missing is ""; one that is not a string, or an event
// without payloadData, is an error.
func ParseEvents(body []byte) ([]Event, error) {
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) == 0 || body[0] != '[' {
		var one envelope
		if err := json.Unmarshal(body, &one); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrShape, err)
		}
		return collect([]envelope{one})
	}
	var many []envelope
	if err := json.Unmarshal(body, &many); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrShape, err)
	}
	return collect(many)
}

func collect(bodies []envelope) ([]Event, error) {
	events := make([]Event, len(bodies))
	for i, b := range bodies {
		if b.Event == nil || b.Event.Payload == nil {
			return nil, fmt.Errorf("%w: element %d has no event.payloadData", ErrShape, i)
		}
		events[i] = *b.Event.Payload
	}
	return events, nil
}
