package backend

import "mgw/runtime/spec"

// EndpointState is what GET /state tells of an endpoint.
type EndpointState struct {
	Name    string        `json:"name,omitempty"`
	Retries uint64        `json:"retries"` // of requests that were sent again after a wait
	Targets []TargetState `json:"targets"`
}

// TargetState is what is known of a URL.
type TargetState struct {
	Host    string `json:"host"`
	State   string `json:"state"` // up, avoided, down
	Breaker string `json:"breaker,omitempty"`
	Opened  uint64 `json:"breakerOpened,omitempty"` // how often
	Flights int64  `json:"inFlight,omitempty"`      // with leastRequests
}

// State gives the state of the endpoints that have any.
func (b *Backends) State() (all []EndpointState) {
	for _, e := range b.endpoints {
		s := EndpointState{Name: e.name, Retries: e.retries.Load()}
		telling := e.retry != nil || e.check != nil || len(e.services) > 0 || e.kind != spec.HTTP
		for _, t := range e.set.Load().targets {
			now := TargetState{Host: t.host, State: t.health.word(), Flights: t.flights.Load()}
			if t.breaker != nil {
				now.Breaker, now.Opened = t.breaker.machine.State().String(), t.breaker.opened.Load()
				telling = true
			}
			s.Targets = append(s.Targets, now)
		}
		if telling {
			all = append(all, s)
		}
	}
	return all
}
