package trafficmanager

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"mgw/runtime/internal/event"
)

func openTestBolt(t *testing.T, dir string) *boltStore {
	t.Helper()
	s, err := openBolt(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// storeKeeps holds any store to what it promises.
func storeKeeps(t *testing.T, s store, reopen func() store) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	api := event.Block{Kind: event.BlockAPI, Value: "/p", Active: true, Tenant: "t"}
	address := event.Block{Kind: event.BlockIP, Range: event.IPRange{Fixed: "10.0.0.1", Invert: true}, Active: true}
	var err error
	api.ID, err = s.addBlock(ctx, api)
	must(err)
	address.ID, err = s.addBlock(ctx, address)
	must(err)
	gone, err := s.addBlock(ctx, api)
	must(err)
	must(s.removeBlock(ctx, gone))
	must(s.addTemplate(ctx, "$userId"))
	must(s.addTemplate(ctx, "$appId"))
	must(s.removeTemplate(ctx, "$appId"))
	if api.ID == address.ID || gone == address.ID {
		t.Errorf("ids %d, %d, %d", api.ID, address.ID, gone)
	}
	s = reopen()
	all, err := s.load(ctx)
	must(err)
	if len(all.blocks) == 2 && all.blocks[0].ID != api.ID {
		all.blocks[0], all.blocks[1] = all.blocks[1], all.blocks[0]
	}
	if want := []event.Block{api, address}; !reflect.DeepEqual(all.blocks, want) {
		t.Errorf("%+v, want %+v", all.blocks, want)
	}
	if want := []string{"$userId"}; !reflect.DeepEqual(all.templates, want) {
		t.Errorf("%v, want %v", all.templates, want)
	}
	again, err := s.addBlock(ctx, api)
	must(err)
	if again == gone || again == api.ID {
		t.Errorf("id %d is used again", again)
	}
	must(s.close())
}

func TestDatabaseKeepsConditionsAndTemplates(t *testing.T) {
	dir := t.TempDir()
	s := openTestBolt(t, dir)
	storeKeeps(t, s, func() store {
		s.close()
		return openTestBolt(t, dir)
	})
}

func TestDatabaseKeepsDecisionsUntilTheyAreOver(t *testing.T) {
	dir := t.TempDir()
	s := openTestBolt(t, dir)
	var all []*held
	for i := range 2*expiredStep + 10 {
		all = append(all, decision(t, fmt.Sprintf("old%d", i), 100))
	}
	all = append(all, decision(t, "k", 200), decision(t, "l", 300))
	if err := s.decided(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	if err := s.expired(t.Context(), 201); err != nil {
		t.Fatal(err)
	}
	s.close()
	s = openTestBolt(t, dir)
	defer s.close()
	saved, err := s.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(saved.decisions) != 1 || saved.decisions[0].Key != "l" || saved.decisions[0].Expiry != 300 {
		t.Errorf("%d decisions", len(saved.decisions))
	}
}

func TestDatabaseIsForOneManager(t *testing.T) {
	dir := t.TempDir()
	s := openTestBolt(t, dir)
	defer s.close()
	if _, err := openBolt(dir); err == nil || !strings.Contains(err.Error(), "another traffic manager") {
		t.Errorf("%v", err)
	}
}
