package trafficmanager

import (
	"bufio"
	"net/http"

	"mgw/runtime/internal/event"
)

// dataService is what gateways pull when they start and after they lost the
// topic (contract 7.7 and 3d). It is served from memory.
type dataService struct {
	ledger   *ledger
	registry *registry
}

// blockLists is the body of /block.
type blockLists struct {
	API          []string     `json:"api"`
	Application  []string     `json:"application"`
	IP           []blockRange `json:"ip"`
	User         []string     `json:"user"`
	Custom       []string     `json:"custom"`
	Subscription []string     `json:"subscription"`
}

type blockRange struct {
	Type event.BlockKind `json:"type"`
	event.IPRange
	Tenant string `json:"tenantDomain"`
	ID     int64  `json:"id"`
}

func (s *dataService) block(w http.ResponseWriter, _ *http.Request) {
	lists := blockLists{[]string{}, []string{}, []blockRange{}, []string{}, []string{}, []string{}}
	for _, b := range s.registry.allBlocks() {
		switch b.Kind {
		case event.BlockAPI:
			lists.API = append(lists.API, b.Value)
		case event.BlockApplication:
			lists.Application = append(lists.Application, b.Value)
		case event.BlockUser:
			lists.User = append(lists.User, b.Value)
		case event.BlockSubscription:
			lists.Subscription = append(lists.Subscription, b.Value)
		case event.BlockIP, event.BlockIPRange:
			lists.IP = append(lists.IP, blockRange{b.Kind, b.Range, b.Tenant, b.ID})
		}
	}
	answer(w, http.StatusOK, lists)
}

func (s *dataService) keyTemplates(w http.ResponseWriter, _ *http.Request) {
	all := s.registry.allTemplates()
	if all == nil {
		all = []string{}
	}
	answer(w, http.StatusOK, all)
}

// throttled gives the decisions in force: the fields of their messages, and
// when each was decided. WSO2's manager has no such resource.
func (s *dataService) throttled(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	out := bufio.NewWriterSize(w, 64<<10)
	out.WriteByte('[')
	for i, d := range s.ledger.all() {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(d.json)
	}
	out.WriteByte(']')
	_ = out.Flush() // a client that went away does not need the rest
}

// revoked is empty: this manager revokes no tokens.
func (s *dataService) revoked(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, []string{})
}
